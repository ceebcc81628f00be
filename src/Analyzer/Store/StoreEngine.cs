namespace Replay.Analyzer.Store;

/// <summary>Who puts the rows of a new database into it. The rows are the same; what is added to a database later is always SQLite's.</summary>
public enum StoreEngine
{
    /// <summary>We write the pages of the large tables and their indexes, each once: several times faster.</summary>
    Pages = 0,

    /// <summary>SQLite writes everything: independent of what is known here of its file format.</summary>
    Sqlite = 1,
}
