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

/// <summary>A query that SQLite refuses, that is not allowed, or that lacks a parameter. One line; exit code 2.</summary>
public sealed class QueryException(string message) : Exception(message);

/// <summary>The rows of one statement, read forward.</summary>
public interface IQueryRows
{
    IReadOnlyList<string> Columns { get; }

    /// <summary>A value of the row that <see cref="Read"/> moved to.</summary>
    SqlValue this[int column] { get; }

    /// <summary>Moves to the next row; false: no more.</summary>
    bool Read();
}

/// <summary>Statements that run as their results are read, one result after the other.</summary>
public interface IQueryExecution : IQueryRows, IDisposable
{
    /// <summary>Rows read of the current result.</summary>
    long RowCount { get; }

    /// <summary>Bytes of values read of the current result.</summary>
    long ByteCount { get; }

    /// <summary>Why the current result ended. Whoever shows the rows must tell a limit.</summary>
    QueryEnd End { get; }

    /// <summary>Moves to the next statement; false: there is none, or the time is over.</summary>
    bool NextResult();
}
