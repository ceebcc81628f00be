using Replay.Analyzer.Diff.Costs;

namespace Replay.Analyzer.Diff;

/// <summary>How two runs are compared.</summary>
public sealed record DiffOptions
{
    /// <summary>First ordinal that counts; null: the first there is.</summary>
    public long? From { get; init; }

    /// <summary>Last ordinal that counts; null: the last there is.</summary>
    public long? To { get; init; }

    /// <summary>Into how many equal ranges of ordinals the counts are split.</summary>
    public int Ranges { get; init; } = 48;

    /// <summary>So many of the events at which the sides part are described, from the first on, with the tables at the first; null: only the first event is.</summary>
    public int? Divergences { get; init; }

    /// <summary>Kept of each kind of record: the first events that differ; reading stops when there are so many. 0: none, and all is read.</summary>
    internal int DifferencesWanted { get; init; }

    public CostTable Costs { get; init; } = CostTable.Default;
}

/// <summary>What happened on both sides in one range of ordinals.</summary>
public sealed record DiffRange
{
    public required long FirstOrdinal { get; init; }

    public required long LastOrdinal { get; init; }

    public required DiffPair Exits { get; init; }

    public required DiffPair Faults { get; init; }

    public required DiffPair Writes { get; init; }

    public required DiffPair Flushes { get; init; }

    /// <summary>Table entries read by page walks.</summary>
    public required DiffPair WalkReferences { get; init; }

    /// <summary>By the cost table, in its unit.</summary>
    public required DiffPair Cost { get; init; }
}

/// <summary>The two runs cannot be compared, or the cost table cannot be used: one line says which, why, and what to do.</summary>
public class DiffException : Exception
{
    public DiffException()
    {
    }

    public DiffException(string message)
        : base(message)
    {
    }

    public DiffException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>What the caller wrote names no run of the database, or several. One line; exit code 2.</summary>
public sealed class UnknownRunException : DiffException
{
    public UnknownRunException()
    {
    }

    public UnknownRunException(string message)
        : base(message)
    {
    }

    public UnknownRunException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
