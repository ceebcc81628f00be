namespace Replay.Analyzer.Store;

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
