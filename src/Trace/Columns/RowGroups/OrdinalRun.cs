namespace Replay.Trace.Columns;

/// <summary>Rows from <paramref name="Row"/> on, up to the next run, whose ordinals follow one another from <paramref name="Ordinal"/> on.</summary>
internal readonly record struct OrdinalRun(int Row, long Ordinal);
