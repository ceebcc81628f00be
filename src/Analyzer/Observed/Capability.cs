namespace Replay.Analyzer.Observed;

/// <summary>Whether the source of an observed run could see a fact.</summary>
/// <param name="Fact">Which fact.</param>
/// <param name="Shown"><c>yes</c>, <c>partly</c>, <c>derived</c> from what is shown, or <c>no</c>.</param>
/// <param name="Source">The events that show it, or what would.</param>
public sealed record Capability(string Fact, string Shown, string Source);
