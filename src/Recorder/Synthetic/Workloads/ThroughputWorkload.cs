using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A long run of accesses to mapped memory, for measuring throughput; what differs is where they go.</summary>
internal abstract class ThroughputWorkload : Workload
{
    private const int AccessesATurn = 2048;

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    protected static IReadOnlyList<Knob> BasicKnobs { get; } =
    [
        Knob.Number("accesses", 1_000_000, "accesses of the program"),
        Knob.Number("pages", 1024, "pages it goes through", max: 1 << 24),
        Knob.Percent("write-percent", 30, "share of accesses that write"),
    ];

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var sweep = MemorySweep.Start(context, slots: 1, partition: true);
        var offsets = new ulong[AccessesATurn];
        var fill = Offsets(context);
        for (var left = context.Knobs.Number("accesses"); left > 0; left -= AccessesATurn)
        {
            var now = offsets.AsSpan(0, (int)Math.Min(left, AccessesATurn));
            fill(now);
            Touch(context, sweep, now);
            yield return WorkloadTurn.Taken;
        }
    }

    /// <summary>What gives the next offsets into the memory, a multiple of 8 each.</summary>
    protected abstract OffsetSource Offsets(WorkloadContext context);

    private static void Touch(WorkloadContext context, MemorySweep sweep, ReadOnlySpan<ulong> offsets)
    {
        var thread = sweep.Threads[0];
        var writes = context.Knobs.Count("write-percent");
        thread.At(1);
        foreach (var offset in offsets)
            thread.Touch(context.Random.Percent(writes) ? AccessKind.Write : AccessKind.Read, sweep.FirstAddress + offset);
    }

    /// <summary>Fills in offsets.</summary>
    protected delegate void OffsetSource(Span<ulong> offsets);
}
