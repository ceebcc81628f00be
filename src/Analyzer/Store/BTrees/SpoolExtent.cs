namespace Replay.Analyzer.Store.BTrees;

/// <summary>A piece of a <see cref="Spool"/>, and XxHash3 of its bytes.</summary>
internal readonly record struct SpoolExtent(long Offset, int Length, ulong Hash);
