namespace Replay.Analyzer.Query;

/// <summary>Which lines of a run's history are wanted.</summary>
public sealed record EventFilter
{
    public required int Run { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; } = long.MaxValue;

    /// <summary>Only lines that concern this guest frame; null: all.</summary>
    public long? Gfn { get; init; }

    /// <summary>Only lines that concern this table; null: all.</summary>
    public long? TableId { get; init; }

    /// <summary>Only these kinds (<c>write</c>, <c>fault</c>, ...); empty: all.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = [];
}
