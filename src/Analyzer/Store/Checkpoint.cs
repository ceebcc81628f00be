namespace Replay.Analyzer.Store;

/// <summary>A place in a capture from which runs that were cut off can go on.</summary>
/// <param name="Number">Counts the checkpoints of a database.</param>
/// <param name="Ordinal">Last event whose history is in the database; what is to be replayed lies behind it.</param>
/// <param name="Accesses">Accesses replayed so far.</param>
public sealed record Checkpoint(long Number, long Ordinal, long Accesses);
