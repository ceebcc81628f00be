using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>A call chain as it is stored.</summary>
internal sealed record ChainRow(int ChainId, KvmFunction Function, int Depth, string Path);
