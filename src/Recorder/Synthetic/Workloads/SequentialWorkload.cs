using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A long ascending run of accesses: for measuring throughput.</summary>
internal sealed class SequentialWorkload : Workload
{
    private const int AccessesATurn = 2048;

    public override string Name => "sequential";

    public override string Description => "A program reads and writes its memory word after word, round and round: few faults, many accesses.";

    public override IReadOnlyList<PagingMode> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("accesses", 1_000_000, "accesses of the program"),
        Knob.Number("pages", 1024, "pages it goes through", max: 1 << 28),
        Knob.Number("stride", 64, "bytes from access to access", min: 8, max: 1 << 20),
        Knob.Percent("write-percent", 30, "share of accesses that write"),
    ];

    public override IEnumerable<Turn> Run(WorkloadContext context)
    {
        var sweep = MemorySweep.Start(context, slots: 1, partition: true);
        var left = context.Knobs.Number("accesses");
        var bytes = (ulong)context.Knobs.Number("pages") << 12;
        var stride = (ulong)context.Knobs.Number("stride") & ~7UL;
        var at = 0UL;
        while (left > 0)
        {
            var count = (int)Math.Min(left, AccessesATurn);
            at = Touch(context, sweep, at, count, stride, bytes);
            left -= count;
            yield return Turn.Taken;
        }
    }

    private static ulong Touch(WorkloadContext context, MemorySweep sweep, ulong at, int count, ulong stride, ulong bytes)
    {
        var thread = sweep.Threads[0];
        var writes = context.Knobs.Count("write-percent");
        thread.At(1);
        for (var i = 0; i < count; i++)
        {
            thread.Touch(context.Random.Percent(writes) ? AccessKind.Write : AccessKind.Read, sweep.FirstAddress + at);
            at += stride;
            if (at >= bytes)
                at = 0;
        }
        return at;
    }
}
