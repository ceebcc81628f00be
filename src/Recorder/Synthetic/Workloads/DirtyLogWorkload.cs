using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>After dirty_log_perf_test: sweeps over mapped memory while the host collects the dirty log.</summary>
internal sealed class DirtyLogWorkload : Workload
{
    public override string Name => "dirty-log";

    public override string Description => "vCPUs sweep over mapped memory; the host switches dirty logging on, reads the log after every sweep, and switches it off.";

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("pages", 1024, "pages each vCPU sweeps over", max: 1 << 28),
        Knob.Number("iterations", 3, "sweeps with dirty logging on"),
        Knob.Percent("write-percent", 100, "share of accesses that write"),
        Knob.Flag("random-access", false, "pages in random order instead of ascending"),
        Knob.Flag("partition", true, "each vCPU sweeps over its own part; false: all over everything"),
        Knob.Number("slots", 1, "memslots the swept memory is cut into", max: 32),
        Knob.Choice("guest-pages", "4k", ["4k", "large"], "pages the guest maps the memory with"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var sweep = MemorySweep.Start(context, context.Knobs.Count("slots"), context.Knobs.Flag("partition"));
        var writes = context.Knobs.Count("write-percent");
        foreach (var turn in sweep.Pass(100))
            yield return turn;
        context.Host.Do(sweep.OnEachSlot(TraceEventKind.DirtyLogOn));
        for (var iteration = 0; iteration < context.Knobs.Number("iterations"); iteration++)
        {
            context.Machine.Mark(context.Machine.Vcpus[0], (ulong)iteration);
            foreach (var turn in sweep.Pass(writes))
                yield return turn;
            context.Host.Do(sweep.OnEachSlot(TraceEventKind.DirtyLogGet));
        }
        context.Host.Do(sweep.OnEachSlot(TraceEventKind.DirtyLogOff));
        foreach (var turn in sweep.Pass(writes))
            yield return turn;
    }
}
