namespace Replay.Analyzer.Conformance;

/// <summary>What a KVM did in one case, in order: entry writes and operations.</summary>
public sealed class ConformanceSequences
{
    /// <summary>Every entry write: place, old value, new value.</summary>
    public List<ConformanceItem> Writes { get; } = [];

    /// <summary>Faults, pages, roots, leaf sets, MMIO marks, fast faults, guest-visible #PF.</summary>
    public List<ConformanceItem> Operations { get; } = [];
}
