using Replay.Recorder.Synthetic.Workloads;

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
        new PageTableChurnWorkload(),
        new SelfMapWorkload(),
        new SequentialWorkload(),
    ];

    /// <exception cref="WorkloadUsageException">There is no such workload.</exception>
    public static Workload Find(string name)
        => All.FirstOrDefault(workload => string.Equals(workload.Name, name, StringComparison.Ordinal))
            ?? throw new WorkloadUsageException($"There is no workload \"{name}\": {Suggestion.For(name, All.Select(workload => workload.Name))}");
}
