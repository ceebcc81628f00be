namespace Replay.Analyzer.Conformance;

/// <summary>What a KVM did in one case, in order: entry writes, operations, and its tables at the checkpoints.</summary>
public sealed class ConformanceSequences
{
    /// <summary>Every entry write: place, old value, new value.</summary>
    public List<ConformanceItem> Writes { get; } = [];

    /// <summary>Faults, pages, roots, leaf sets, MMIO marks, fast faults, guest-visible #PF.</summary>
    public List<ConformanceItem> Operations { get; } = [];

    /// <summary>Requests to flush all vCPUs, and flushes of the vCPU's own TLB.</summary>
    public List<ConformanceItem> Flushes { get; } = [];

    /// <summary>All tables at each checkpoint and at the end, a line for each root, page and entry.</summary>
    public List<ConformanceItem> Tables { get; } = [];

    /// <summary>Flushes of an ASID, by none of the other flushes, are among the flushes.</summary>
    public bool ShowsAsidFlushes { get; set; } = true;

    /// <summary>The model's call chains by number, outermost function first.</summary>
    public Dictionary<int, IReadOnlyList<string>> Chains { get; } = [];
}
