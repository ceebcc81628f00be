namespace Replay.Replayer;

/// <summary>How far a replay has come.</summary>
/// <param name="Accesses">Accesses replayed.</param>
/// <param name="Events">Events replayed.</param>
/// <param name="Ordinal">Ordinal of the last of them.</param>
public readonly record struct ReplayProgress(long Accesses, long Events, long Ordinal);
