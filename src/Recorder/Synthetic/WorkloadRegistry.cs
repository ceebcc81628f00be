using Replay.Recorder.Synthetic.Workloads;
using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>Every workload by name.</summary>
public static class WorkloadRegistry
{
    /// <summary>All workloads, in the order they are told of.</summary>
    public static IReadOnlyList<Workload> All { get; } =
    [
        new DemandPagingWorkload(),
        new DirtyLogWorkload(),
        new AccessTrackingWorkload(),
        new ForkStormWorkload(),
        new PageTableChurnWorkload(),
        new ContextSwitchStormWorkload(),
        new MemslotModificationWorkload(),
        new MmioWorkload(),
        new HugePagesWorkload(),
        new SelfMapWorkload(),
        new UnsyncChurnWorkload(),
        new NonpagingWorkload(),
        new ModeSwitchWorkload(),
        new RandomWorkload(),
        new SequentialWorkload(),
        new ZipfWorkload(),
    ];

    /// <exception cref="WorkloadUsageException">There is no such workload.</exception>
    public static Workload Find(string name)
        => All.FirstOrDefault(workload => string.Equals(workload.Name, name, StringComparison.Ordinal))
            ?? throw new WorkloadUsageException($"There is no workload \"{name}\": {DidYouMean.Choose(name, All.Select(workload => workload.Name))}");
}
