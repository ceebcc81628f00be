using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>A fault, and the last place in history that belongs to it.</summary>
internal readonly record struct FaultRow(FaultRecord Fault, long EndSeq);
