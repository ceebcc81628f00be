namespace Replay.Analyzer.Query;

/// <summary>How much a query may return and how long it may run; null: no limit. A limit that is hit is told, never silent.</summary>
public sealed record QueryLimits
{
    public static QueryLimits None { get; } = new();

    /// <summary>Rows of each statement.</summary>
    public long? Rows { get; init; }

    /// <summary>Time of all statements together.</summary>
    public TimeSpan? Time { get; init; }
}
