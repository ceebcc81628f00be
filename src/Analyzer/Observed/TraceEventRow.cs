namespace Replay.Analyzer.Observed;

/// <summary>One event of a trace as it is stored.</summary>
/// <param name="Ordinal">Its place in the trace.</param>
/// <param name="Line">Its line in the file.</param>
/// <param name="Time">Nanoseconds, or the trace's own clock.</param>
/// <param name="Cpu">The host's CPU.</param>
/// <param name="Pid">The host's thread.</param>
/// <param name="TaskId">The thread's name.</param>
/// <param name="NameId">The event's name.</param>
public readonly record struct TraceEventRow(long Ordinal, long Line, long Time, int Cpu, int Pid, int TaskId, int NameId);
