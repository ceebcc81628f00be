using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Layouts;

namespace Replay.Analyzer.Store;

/// <summary>
/// What a run's writes left in entries, in the order of history: for who must read millions of them. Read page by page, or by SQLite where the file is
/// of a form that is left to it.
/// </summary>
public sealed class EntryWrites : IDisposable
{
    private const string Columns = "ordinal, table_id, idx, gfn, new, flags";

    private readonly RowCursor _rows;
    private readonly long _last;

    private EntryWrites(string path, long run, long after, long last)
    {
        _last = last;
        _rows = new RowCursor(
            TableScan.TryOpen(path, TableWriteLayout.Table, Columns, run, after + 1),
            path,
            Columns.Split(", ").Length,
            $"SELECT {Columns} FROM {TableWriteLayout.Table} WHERE run = ?1 AND ordinal > ?2 AND ordinal <= ?3 ORDER BY ordinal, seq",
            run,
            after,
            last);
    }

    public long Ordinal => _rows.Row[0];

    public long TableId => _rows.Row[1];

    public int Index => (int)_rows.Row[2];

    /// <summary>First guest frame that the entry translates.</summary>
    public long Gfn => _rows.Row[3];

    /// <summary>The entry's 64 bits.</summary>
    public long Value => _rows.Row[4];

    /// <summary>What the entry is now.</summary>
    public EntryKind Kind => TableWriteLayout.NewKind(_rows.Row[5]);

    /// <summary>Writes behind one event, up to another, both events' own writes in full.</summary>
    /// <exception cref="StoreException">The database cannot be read.</exception>
    public static EntryWrites Read(Database database, RunRow run, long after, long last)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(run);
        return new EntryWrites(database.Path, run.Run, after, last);
    }

    /// <summary>Moves to the next write; false: there is none.</summary>
    /// <exception cref="DatabaseFormatException">The file is damaged.</exception>
    public bool Next() => _rows.TryNext() && Ordinal <= _last;

    public void Dispose() => _rows.Dispose();
}
