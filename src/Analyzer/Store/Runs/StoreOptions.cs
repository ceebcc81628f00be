namespace Replay.Analyzer.Store;

/// <summary>What a run stores.</summary>
public sealed record StoreOptions
{
    public static StoreOptions Default { get; } = new();

    public DetailLevel Detail { get; init; } = DetailLevel.All;

    /// <summary>Store changes of the reverse maps, about as many rows as table writes.</summary>
    public bool Rmap { get; init; }

    /// <summary>
    /// Rows to store at most; null: all. Counters, summaries and the history hash are those of the whole run nevertheless, and the run's row
    /// tells up to which ordinal there are rows.
    /// </summary>
    public long? MaxRows { get; init; }
}

/// <summary>How much of a history is stored.</summary>
public enum DetailLevel
{
    /// <summary>Everything.</summary>
    All,

    /// <summary>Of the table writes only those from or to an entry that maps memory; everything else in full. The tree cannot be rebuilt from it.</summary>
    Leaf,

    /// <summary>Counters, the summary of writes, chains and notes.</summary>
    Counters,
}

/// <summary>Who puts the rows of a new database into it. The rows are the same; what is added to a database later is always SQLite's.</summary>
public enum StoreEngine
{
    /// <summary>We write the pages of the large tables and their indexes, each once: several times faster.</summary>
    Pages = 0,

    /// <summary>SQLite writes everything: independent of what is known here of its file format.</summary>
    Sqlite = 1,
}
