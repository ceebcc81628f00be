using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Reads the records of one kind of one run, in the order of history, without the layers that cost time per row.</summary>
internal sealed class RowReader<TDecoder> : IDisposable
    where TDecoder : struct, IRowDecoder
{
    private readonly RowCursor _rows;
    private TDecoder _decoder;

    /// <param name="side">The run.</param>
    /// <param name="options">Which ordinals: SQLite finds them; whole runs are read page by page.</param>
    /// <param name="decoder">Makes the rows.</param>
    /// <exception cref="StoreException">The database cannot be read.</exception>
    public RowReader(DiffSide side, DiffOptions options, TDecoder decoder)
    {
        _decoder = decoder;
        var limited = options.From is not null || options.To is not null;
        var (path, run) = (side.Database.Path, side.Run.Run);
        var rest = limited ? "AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, seq" : $"ORDER BY {TDecoder.KeyOrder}";
        _rows = new RowCursor(
            limited ? null : TableScan.TryOpen(path, TDecoder.Table, TDecoder.Columns, run),
            path,
            TDecoder.Columns.Split(", ").Length,
            $"SELECT {TDecoder.Columns} FROM {TDecoder.Table} WHERE run = ?1 {rest}",
            limited ? [run, options.From ?? long.MinValue, options.To ?? long.MaxValue] : [run]);
    }

    /// <summary>The present row.</summary>
    public DiffRow Row;

    /// <summary>Moves to the next row; false: there is none, and its ordinal is beyond all others.</summary>
    public bool Read()
    {
        if (!_rows.TryNext())
        {
            Row.Ordinal = long.MaxValue;
            return false;
        }

        Row.Ordinal = _rows.Row[0];
        _decoder.Decode(_rows.Row, ref Row);
        return true;
    }

    public void Dispose() => _rows.Dispose();
}
