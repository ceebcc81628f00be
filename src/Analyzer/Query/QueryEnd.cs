namespace Replay.Analyzer.Query;

/// <summary>Why a result has no further rows.</summary>
public enum QueryEnd
{
    /// <summary>It has: not all were read yet.</summary>
    Open,

    /// <summary>All rows were read.</summary>
    Complete,

    /// <summary><see cref="QueryLimits.Rows"/> cut it; there are more.</summary>
    RowLimit,

    /// <summary><see cref="QueryLimits.Bytes"/> cut it; there may be more.</summary>
    ByteLimit,

    /// <summary><see cref="QueryLimits.Time"/> stopped it.</summary>
    TimeLimit,
}
