namespace Replay.Analyzer.Diff.Costs;

/// <summary>What both sides cost by a cost table.</summary>
public sealed record CostComparison
{
    public required string Table { get; init; }

    public required string Unit { get; init; }

    /// <summary>Page walks, exits, fault handling, table writes, flushes: each in the table's unit.</summary>
    public required IReadOnlyList<DiffCount> Parts { get; init; }

    public required DiffPair Total { get; init; }

    /// <summary>Ranges of ordinals in which the first side is cheaper, the second side, neither.</summary>
    public required int RangesCheaperInA { get; init; }

    public required int RangesCheaperInB { get; init; }

    public required int RangesEqual { get; init; }

    /// <summary>
    /// The cost of one exit at which both sides would cost the same, all else as it is; null: one side is cheaper at any.
    /// </summary>
    public double? BreakEvenExit { get; init; }

    /// <summary>One sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>Where the numbers come from.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>What the model leaves out.</summary>
    public required IReadOnlyList<string> NotModelled { get; init; }
}
