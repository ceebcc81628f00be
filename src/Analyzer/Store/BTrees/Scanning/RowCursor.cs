namespace Replay.Analyzer.Store.BTrees;

/// <summary>Integer columns of a table's rows, one row after the other: from a scan of its pages, or from SQLite where there is none.</summary>
internal sealed class RowCursor : IDisposable
{
    private readonly TableScan? _scan;
    private readonly NativeConnection? _connection;
    private readonly NativeStatement? _statement;
    private readonly long[] _row;

    /// <param name="scan">The scan, which the cursor disposes of; null: SQLite reads.</param>
    /// <param name="path">The database.</param>
    /// <param name="columns">How many a row has.</param>
    /// <param name="sql">The same rows by SQLite.</param>
    /// <param name="arguments">Of the SQL: ?1, ?2, ...</param>
    /// <exception cref="StoreException">The database cannot be read.</exception>
    public RowCursor(TableScan? scan, string path, int columns, string sql, params ReadOnlySpan<long> arguments)
    {
        _row = new long[columns];
        _scan = scan;
        if (scan is not null)
            return;
        _connection = NativeConnection.OpenRead(path);
        try
        {
            _statement = _connection.Prepare(sql);
        }
        catch
        {
            _connection.Dispose();
            throw;
        }

        for (var i = 0; i < arguments.Length; i++)
            _statement.BindInt64(i + 1, arguments[i]);
    }

    /// <summary>The present row.</summary>
    public ReadOnlySpan<long> Row => _row;

    /// <summary>Moves to the next row; false: there is none.</summary>
    /// <exception cref="DatabaseFormatException">The file is damaged.</exception>
    public bool TryNext() => _scan?.TryNext(_row) ?? Step();

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
