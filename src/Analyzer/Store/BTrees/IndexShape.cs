namespace Replay.Analyzer.Store.BTrees;

/// <summary>What an index over a table of records consists of.</summary>
/// <param name="Name">As in the schema.</param>
/// <param name="Columns">Which columns of a row make an entry, those of the primary key at the end.</param>
/// <param name="Sorted">The first so many are sorted by. The others are of the primary key, in whose order the rows of a run come.</param>
/// <param name="IsPartial">Rows in which the first column is NULL have no entry.</param>
internal sealed record IndexShape(string Name, int[] Columns, int Sorted, bool IsPartial);
