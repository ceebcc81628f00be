using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>After access_tracking_perf_test: the host ages memory between passes over it.</summary>
internal sealed class AccessTrackingWorkload : Workload
{
    public override string Name => "access-tracking";

    public override string Description => "vCPUs write and read mapped memory, before and after the host marked it idle (clear_young).";

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("pages", 1024, "pages each vCPU touches", max: 1 << 28),
        Knob.Number("iterations", 1, "times the host marks the memory idle before a write and before a read"),
        Knob.Flag("random-access", false, "pages in random order instead of ascending"),
        Knob.Flag("partition", true, "each vCPU touches its own part; false: all touch everything"),
        Knob.Choice("guest-pages", "4k", ["4k", "large"], "pages the guest maps the memory with"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var sweep = MemorySweep.Start(context, slots: 1, context.Knobs.Flag("partition"));
        foreach (var writes in new[] { 100, 100, 0 })
        {
            foreach (var turn in sweep.Pass(writes))
                yield return turn;
        }
        for (var iteration = 0; iteration < context.Knobs.Number("iterations"); iteration++)
        {
            foreach (var writes in new[] { 100, 0 })
            {
                context.Host.Do(TraceEventKind.HostAge, sweep.Memory.First.Base, sweep.Memory.Bytes);
                foreach (var turn in sweep.Pass(writes))
                    yield return turn;
            }
        }
    }
}
