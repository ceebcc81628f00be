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
