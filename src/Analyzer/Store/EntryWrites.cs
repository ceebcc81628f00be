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

    private readonly TableScan? _scan;
    private readonly NativeConnection? _connection;
    private readonly NativeStatement? _statement;
    private readonly long[] _row = new long[6];
    private readonly long _last;

    private EntryWrites(string path, long run, long after, long last)
    {
        _last = last;
        _scan = TableScan.TryOpen(path, TableWriteLayout.Table, Columns, run, after + 1);
        if (_scan is not null)
            return;
        _connection = NativeConnection.OpenRead(path);
        try
        {
            _statement = _connection.Prepare($"SELECT {Columns} FROM {TableWriteLayout.Table} WHERE run = ?1 AND ordinal > ?2 AND ordinal <= ?3 ORDER BY ordinal, seq");
        }
        catch
        {
            _connection.Dispose();
            throw;
        }

        _statement.BindInt64(1, run);
        _statement.BindInt64(2, after);
        _statement.BindInt64(3, last);
    }

    public long Ordinal => _row[0];

    public long TableId => _row[1];

    public int Index => (int)_row[2];

    /// <summary>First guest frame that the entry translates.</summary>
    public long Gfn => _row[3];

    /// <summary>The entry's 64 bits.</summary>
    public long Value => _row[4];

    /// <summary>What the entry is now.</summary>
    public EntryKind Kind => TableWriteLayout.NewKind(_row[5]);

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
    public bool Next() => (_scan?.TryNext(_row) ?? Step()) && Ordinal <= _last;

    public void Dispose()
    {
        _scan?.Dispose();
        _statement?.Dispose();
        _connection?.Dispose();
    }

    private bool Step()
    {
        if (!_statement!.Step())
            return false;
        for (var column = 0; column < _row.Length; column++)
            _row[column] = _statement.Int64(column);
        return true;
    }
}
