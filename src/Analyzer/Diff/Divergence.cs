namespace Replay.Analyzer.Diff;

/// <summary>A trace event at which the two sides did not do alike.</summary>
public sealed record Divergence
{
    public required long Ordinal { get; init; }

    /// <summary>The second side's own ordinal, where the sides share none; null: they do.</summary>
    public long? OrdinalB { get; init; }

    /// <summary>The guest's access, where one of the sides has it.</summary>
    public required string Access { get; init; }

    public required SideAction A { get; init; }

    public required SideAction B { get; init; }

    /// <summary>Why, as far as it can be told from the records.</summary>
    public required string Reason { get; init; }
}
