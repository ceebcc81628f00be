using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;

namespace Replay.Explorer.Data;

/// <summary>
/// The entries of the tables that were looked at last, so that a step from event to event reads those that it changed and no others.
/// </summary>
internal sealed class TableEntries
{
    private const int MostTables = 64;

    /// <summary>Writes between two events that are followed rather than the tables read anew.</summary>
    private const int MostWrites = 500;

    private const string Between =
        "SELECT table_id, idx FROM table_write WHERE run = :run AND ordinal > :after AND ordinal <= :last ORDER BY run, ordinal, seq LIMIT :limit";

    private readonly Lock _lock = new();
    private readonly Dictionary<long, (long At, SortedDictionary<int, TreeEntry> Entries)> _tables = [];
    private (long From, long To, List<(long Table, int Index)>? Writes) _between = (-1, -1, null);

    /// <summary>The entries of a table that are not 0, in order, as they were after an event.</summary>
    public IReadOnlyList<TreeEntry> Read(RunSession run, TableTreeReader reader, long table, long at)
    {
        lock (_lock)
        {
            if (_tables.TryGetValue(table, out var known) && WritesBetween(run, known.At, at) is { } writes)
            {
                foreach (var index in writes.Where(write => write.Table == table).Select(write => write.Index).Distinct())
                {
                    if (reader.ReadEntry(table, index) is { } entry)
                        known.Entries[index] = entry;
                    else
                        known.Entries.Remove(index);
                }
            }
            else
            {
                known.Entries = new SortedDictionary<int, TreeEntry>(reader.ReadTable(table, 1, 0).Entries!.ToDictionary(entry => entry.Index));
            }

            if (_tables.Count >= MostTables)
                _tables.Clear();
            _tables[table] = (at, known.Entries);
            return [.. known.Entries.Values];
        }
    }

    /// <summary>Null: there are too many.</summary>
    private List<(long Table, int Index)>? WritesBetween(RunSession run, long one, long other)
    {
        var (from, to) = (Math.Min(one, other), Math.Max(one, other));
        if (_between.From != from || _between.To != to)
        {
            var writes = run.Session.Read(
                Between, row => (row[0].Integer, (int)row[1].Integer),
                ("run", run.Number), ("after", SqlValue.Of(from)), ("last", SqlValue.Of(to)), ("limit", SqlValue.Of(MostWrites + 1)));
            _between = (from, to, writes.Count > MostWrites ? null : writes);
        }

        return _between.Writes;
    }
}
