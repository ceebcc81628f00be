namespace Replay.Analyzer.Diff;

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
