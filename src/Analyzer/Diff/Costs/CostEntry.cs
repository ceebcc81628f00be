namespace Replay.Analyzer.Diff.Costs;

/// <summary>What one thing costs.</summary>
/// <param name="Value">In the table's unit.</param>
/// <param name="Source">Where the number comes from.</param>
public sealed record CostEntry(double Value, string Source = "");
