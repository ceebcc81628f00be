namespace Replay.Analyzer.Diff.Costs;

/// <summary>What page walks cost.</summary>
/// <param name="CyclesPerReference">A reference that reaches the memory hierarchy, in the table's unit.</param>
/// <param name="ShareOneDimensional">Which share of the references of a walk over shadow tables does.</param>
/// <param name="ShareTwoDimensional">The same of a walk over guest tables and EPT or NPT.</param>
public sealed record PageWalkCosts(CostEntry CyclesPerReference, CostEntry ShareOneDimensional, CostEntry ShareTwoDimensional);
