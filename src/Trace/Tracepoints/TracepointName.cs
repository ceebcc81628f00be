namespace Replay.Trace.Tracepoints;

/// <summary>The name of an event, once for each name of a trace.</summary>
/// <param name="Id">From 0 in the order in which the names came up.</param>
/// <param name="Text">As the trace has it, without the name of the system before it.</param>
/// <param name="Kind">Which fields its line has.</param>
public sealed record TracepointName(int Id, string Text, TracepointKind Kind);
