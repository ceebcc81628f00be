namespace Replay.Analyzer.Diff;

/// <summary>Page walks of the accesses that miss the TLB, on both sides.</summary>
public sealed record WalkTotals
{
    public required DiffPair Walks { get; init; }

    /// <summary>Table entries they read.</summary>
    public required DiffPair References { get; init; }

    /// <summary>Entries a walk, on average.</summary>
    public required double PerWalkA { get; init; }

    public required double PerWalkB { get; init; }

    /// <summary>Walks by the entries that each of them read, ascending.</summary>
    public required IReadOnlyList<DiffCount> ByReferences { get; init; }
}
