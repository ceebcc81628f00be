using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Reads the records of one kind of one run, in the order of history, without the layers that cost time per row.</summary>
internal sealed class RowReader<TDecoder> : IDisposable
    where TDecoder : struct, IRowDecoder
{
    private readonly TableScan? _scan;
    private readonly NativeConnection? _connection;
    private readonly NativeStatement? _statement;
    private readonly long[] _columns = new long[TDecoder.Columns.Split(", ").Length];
    private TDecoder _decoder;

    /// <param name="side">The run.</param>
    /// <param name="options">Which ordinals: SQLite finds them; whole runs are read page by page.</param>
    /// <param name="decoder">Makes the rows.</param>
    /// <exception cref="StoreException">The database cannot be read.</exception>
    public RowReader(DiffSide side, DiffOptions options, TDecoder decoder)
    {
        _decoder = decoder;
        var limited = options.From is not null || options.To is not null;
        _scan = limited ? null : TableScan.TryOpen(side.Database.Path, TDecoder.Table, TDecoder.Columns, side.Run.Run);
        if (_scan is not null)
            return;
        _connection = NativeConnection.OpenRead(side.Database.Path);
        try
        {
            var rest = limited ? "AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, seq" : $"ORDER BY {TDecoder.KeyOrder}";
            _statement = _connection.Prepare($"SELECT {TDecoder.Columns} FROM {TDecoder.Table} WHERE run = ?1 {rest}");
        }
        catch
        {
            _connection.Dispose();
            throw;
        }

        _statement.BindInt64(1, side.Run.Run);
        if (!limited)
            return;
        _statement.BindInt64(2, options.From ?? long.MinValue);
        _statement.BindInt64(3, options.To ?? long.MaxValue);
    }

    /// <summary>The present row.</summary>
    public DiffRow Row;

    /// <summary>Moves to the next row; false: there is none, and its ordinal is beyond all others.</summary>
    public bool Read()
    {
        if (!(_scan?.TryNext(_columns) ?? Step()))
        {
            Row.Ordinal = long.MaxValue;
            return false;
        }

        Row.Ordinal = _columns[0];
        _decoder.Decode(_columns, ref Row);
        return true;
    }

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
        for (var column = 0; column < _columns.Length; column++)
            _columns[column] = _statement.Int64(column);
        return true;
    }
}
