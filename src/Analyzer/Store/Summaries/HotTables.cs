using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>
/// Counts the writes to each entry and what happens to each table. A table's number is never used again, so what a freed table counted
/// goes into the lists and is forgotten: memory grows with the tables held at once, 2 KiB each.
/// </summary>
internal sealed class HotTables
{
    private const int Entries = 512;

    private readonly Dictionary<int, Tally> _live = [];
    private readonly Stack<Tally> _spare = [];
    private readonly TopList<long> _entries = new();
    private readonly TopList<Totals> _byWrites = new();
    private readonly TopList<Totals> _byUnsyncs = new();
    private int _lastTable;
    private Tally _last = new();

    public void Count(RecordBatch batch)
    {
        // Writes first: a table that a batch frees has no writes in later ones.
        foreach (ref readonly var write in batch.Writes.Records)
        {
            var tally = Find(write.TableId);
            tally.Entries[write.Index & (Entries - 1)]++;
            tally.Totals.Writes++;
        }

        foreach (ref readonly var page in batch.Pages.Records)
        {
            var tally = Find(page.TableId);
            switch (page.Operation)
            {
                case PageOperation.Find:
                    tally.Totals.Finds++;
                    break;
                case PageOperation.Unsync:
                    tally.Totals.Unsyncs++;
                    break;
                case PageOperation.Sync:
                    tally.Totals.Syncs++;
                    break;
                case PageOperation.Free:
                    Settle(page.TableId, tally);
                    break;
            }
        }
    }

    public void Store(NativeConnection connection, int run)
    {
        foreach (var (table, tally) in _live.ToList())
            Settle(table, tally);
        foreach (var (key, writes) in _entries.Items())
        {
            connection.Run("INSERT INTO _hot_entry (run, table_id, idx, writes) VALUES (?, ?, ?, ?)", run, key / Entries, key % Entries, writes);
        }

        foreach (var (table, totals) in _byWrites.Items().Concat(_byUnsyncs.Items()).DistinctBy(item => item.Key))
        {
            connection.Run(
                "INSERT INTO _hot_table (run, table_id, writes, finds, unsyncs, syncs) VALUES (?, ?, ?, ?, ?, ?)",
                run,
                table,
                totals.Writes,
                totals.Finds,
                totals.Unsyncs,
                totals.Syncs);
        }
    }

    private Tally Find(int table)
    {
        if (table == _lastTable)
            return _last;
        if (!_live.TryGetValue(table, out var tally))
            _live[table] = tally = _spare.TryPop(out var spare) ? spare : new Tally();
        _lastTable = table;
        _last = tally;
        return tally;
    }

    private void Settle(int table, Tally tally)
    {
        for (var i = 0; i < Entries; i++)
        {
            if (_entries.MayKeep(tally.Entries[i]))
                _entries.Add(((ulong)(uint)table * Entries) + (uint)i, tally.Entries[i], tally.Entries[i]);
        }

        _byWrites.Add((uint)table, tally.Totals.Writes, tally.Totals);
        _byUnsyncs.Add((uint)table, tally.Totals.Unsyncs, tally.Totals);
        _live.Remove(table);
        Array.Clear(tally.Entries);
        tally.Totals = default;
        _spare.Push(tally);
        _lastTable = 0;
    }

    private sealed class Tally
    {
        public uint[] Entries { get; } = new uint[HotTables.Entries];

        public Totals Totals;
    }

    private struct Totals
    {
        public long Writes;
        public long Finds;
        public long Unsyncs;
        public long Syncs;
    }
}
