namespace Replay.Analyzer.Diff;

/// <summary>One kind of record on both sides.</summary>
public sealed record DiffTotals
{
    public required long A { get; init; }

    public required long B { get; init; }

    /// <summary>At the same trace event on both sides, and alike; null: the sides are not aligned by trace events.</summary>
    public long? Alike { get; init; }

    /// <summary>Trace events at which both sides have such records, only the first, only the second.</summary>
    public long? EventsInBoth { get; init; }

    public long? EventsInAOnly { get; init; }

    public long? EventsInBOnly { get; init; }

    /// <summary>The first trace event at which they are not alike; null: none.</summary>
    public long? FirstDifference { get; init; }

    /// <summary>By reason, outcome, kind, or level and function: what occurs on either side, the most frequent first.</summary>
    public required IReadOnlyList<DiffCount> Sorts { get; init; }
}

/// <summary>How often something occurs on each side.</summary>
/// <param name="Name">What.</param>
/// <param name="A">In the first run.</param>
/// <param name="B">In the second.</param>
/// <param name="Alike">Of these, at the same place and alike on both sides; null where they are not aligned one by one.</param>
public sealed record DiffCount(string Name, long A, long B, long? Alike = null);

/// <summary>One number of each side.</summary>
public readonly record struct DiffPair(long A, long B);

/// <summary>Table pages on both sides.</summary>
public sealed record TableTotals
{
    public required DiffPair Created { get; init; }

    /// <summary>Alive at the end.</summary>
    public required DiffPair Live { get; init; }

    /// <summary>The most that were alive at once.</summary>
    public required DiffPair Peak { get; init; }
}

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
