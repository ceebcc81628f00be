namespace Replay.Analyzer.Observed;

/// <summary>A name of events, and how many there were.</summary>
/// <param name="Id">Number within the run.</param>
/// <param name="Name">As the trace has it.</param>
/// <param name="ProbedFunction">The function that the probe of this name stands on; null for a tracepoint.</param>
/// <param name="Events">How many.</param>
public sealed record TraceNameRow(int Id, string Name, string? ProbedFunction, long Events);
