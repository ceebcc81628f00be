using Replay.Replayer.Checkpoints;

namespace Replay.Analyzer.Store;

/// <summary>What a checkpoint holds.</summary>
/// <param name="Runs">Each run's part.</param>
/// <param name="Load">Where the rows are that are not in the database yet; empty: all are.</param>
internal sealed record CheckpointState(List<RunState> Runs, StateBuffer Load);
