namespace Replay.Analyzer.Store;

/// <summary>What is known of a run when it has reached the end.</summary>
public sealed record RunSummary
{
    /// <summary><see cref="Replayer.History.HistoryHash"/> as text.</summary>
    public required string HistoryHash { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; }

    /// <summary>Accesses replayed.</summary>
    public long Accesses { get; init; }

    /// <summary>Events replayed.</summary>
    public long Events { get; init; }

    /// <summary>How often each note occurred, by the number of <see cref="Replayer.History.ModelNote"/>: <see cref="Replayer.History.Journal.NoteCounts"/>.</summary>
    public IReadOnlyList<long> NoteCounts { get; init; } = [];

    /// <summary>Counters that only the model can keep, besides those that follow from the records.</summary>
    public IReadOnlyList<Counter> Counters { get; init; } = [];
}
