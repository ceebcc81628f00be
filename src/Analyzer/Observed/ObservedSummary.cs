using Replay.Analyzer.Store;

namespace Replay.Analyzer.Observed;

/// <summary>What is known of an observed run at its end, besides what every run has.</summary>
public sealed record ObservedSummary
{
    public required RunSummary Run { get; init; }

    /// <summary>SHA-256 of the trace's text, hexadecimal.</summary>
    public required string TraceHash { get; init; }

    /// <summary>The trace was read to its end, and its tracer lost nothing.</summary>
    public required bool TraceComplete { get; init; }

    /// <summary>How it was read: the host, what was lost and damaged.</summary>
    public required SortedDictionary<string, string> Options { get; init; }

    public required IReadOnlyList<TraceNameRow> Names { get; init; }

    /// <summary>Names of threads, by their numbers.</summary>
    public required IReadOnlyList<string> Tasks { get; init; }

    public required IReadOnlyList<Capability> Capabilities { get; init; }

    /// <summary>Loads of CR3 that lines show.</summary>
    public IReadOnlyList<GuestCr3> GuestCr3s { get; init; } = [];
}
