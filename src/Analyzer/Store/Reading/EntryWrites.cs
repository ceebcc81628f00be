using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Layouts;

namespace Replay.Analyzer.Store;

/// <summary>
/// What a run's writes left in entries, in the order of history: for who must read millions of them. Read page by page, or by SQLite where the file is
/// of a form that is left to it.
/// </summary>
public sealed class EntryWrites : IDisposable
{
    private const string Columns = "ordinal, table_id, idx, gfn, new, flags, old";

    /// <summary>NULL: no frame, and an entry of this value is as good as 0.</summary>
    private const long NotShown = long.MinValue;

    private readonly RowCursor _rows;
    private readonly long _last;

    private EntryWrites(string path, long run, long after, long last)
    {
        _last = last;
        _rows = new RowCursor(
            TableScan.TryOpen(path, TableWriteLayout.Table, Columns, run, after + 1, NotShown),
            path,
            Columns.Split(", ").Length,
            $"SELECT {Columns.Replace("gfn", $"coalesce(gfn, {NotShown})", StringComparison.Ordinal)} FROM {TableWriteLayout.Table} WHERE run = ?1 AND ordinal > ?2 AND ordinal <= ?3 ORDER BY ordinal, seq",
            run,
            after,
            last);
    }

    public long Ordinal => _rows.Row[0];

    public long TableId => _rows.Row[1];

    public int Index => (int)_rows.Row[2];

    /// <summary>First guest frame that the entry translates; 0 where it is not shown.</summary>
    public long Gfn => Number(3);

    /// <summary>The trace of an observed run does not always show it.</summary>
    public bool IsGfnShown => _rows.Row[3] != NotShown;

    /// <summary>The entry's 64 bits.</summary>
    public long Value => Number(4);

    /// <summary>What the entry is now.</summary>
    public EntryKind Kind => TableWriteLayout.NewKind(_rows.Row[5]);

    /// <summary>The entry's 64 bits before.</summary>
    public long OldValue => Number(6);

    /// <summary>What the entry was before.</summary>
    public EntryKind OldKind => TableWriteLayout.OldKind(_rows.Row[5]);

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

    private long Number(int column) => _rows.Row[column] is var number and not NotShown ? number : 0;
}
