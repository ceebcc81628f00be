using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>A fault, the last place in history that belongs to it, and the reason of the exit it came from (0 without one).</summary>
internal readonly record struct FaultRow(FaultRecord Fault, long EndSeq, ExitReason ExitReason);
