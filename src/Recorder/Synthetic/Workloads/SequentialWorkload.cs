namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Word after word.</summary>
internal sealed class SequentialWorkload : ThroughputWorkload
{
    public override string Name => "sequential";

    public override string Description => "A program reads and writes its memory from one end to the other, round and round: few faults, many accesses.";

    public override IReadOnlyList<Knob> Knobs { get; } =
        [.. BasicKnobs, Knob.Number("stride", 64, "bytes from access to access, a multiple of 8", min: 8, max: 1 << 20)];

    protected override OffsetSource Offsets(WorkloadContext context)
    {
        var bytes = (ulong)context.Knobs.Number("pages") << 12;
        var stride = (ulong)context.Knobs.Number("stride") & ~7UL;
        var at = 0UL;
        return offsets =>
        {
            foreach (ref var offset in offsets)
            {
                offset = at;
                at += stride;
                if (at >= bytes)
                    at = 0;
            }
        };
    }
}
