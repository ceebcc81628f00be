namespace Replay.Analyzer.Diff;

/// <summary>One number of each side.</summary>
public readonly record struct DiffPair(long A, long B);
