namespace Replay.Analyzer.Query;

/// <summary>How much a query may return and how long it may run; null: no limit. A limit that is hit is told, never silent.</summary>
public sealed record QueryLimits
{
    public static QueryLimits None { get; } = new();

    /// <summary>Rows of each statement.</summary>
    public long? Rows { get; init; }

    /// <summary>Bytes of text and blobs read from each statement, a number counted as eight.</summary>
    public long? Bytes { get; init; }

    /// <summary>Time of all statements together. SQLite looks at it between two instructions of its own, not inside one function.</summary>
    public TimeSpan? Time { get; init; }
}
