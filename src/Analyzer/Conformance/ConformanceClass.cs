namespace Replay.Analyzer.Conformance;

/// <summary>One of the four kinds of things that are compared.</summary>
/// <param name="Name"><c>writes</c>, <c>operations</c>, <c>flushes</c> or <c>tables</c>.</param>
/// <param name="Alignment">How the two sides line up.</param>
public sealed record ConformanceClass(string Name, Alignment Alignment);
