namespace Replay.Analyzer.Diff;

/// <summary>How often something occurs on each side.</summary>
/// <param name="Name">What.</param>
/// <param name="A">In the first run.</param>
/// <param name="B">In the second.</param>
/// <param name="Alike">Of these, at the same place and alike on both sides; null where they are not aligned one by one.</param>
public sealed record DiffCount(string Name, long A, long B, long? Alike = null);
