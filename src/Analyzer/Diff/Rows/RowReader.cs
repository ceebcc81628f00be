using System.Runtime.InteropServices;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Reads the records of one kind of one run, in the order of history, without the layers that cost time per row.</summary>
internal sealed class RowReader<TDecoder> : IDisposable
    where TDecoder : struct, IRowDecoder
{
    private readonly string _path;
    private nint _database;
    private nint _statement;
    private TDecoder _decoder;

    /// <param name="side">The run.</param>
    /// <param name="options">Which ordinals.</param>
    /// <param name="decoder">Makes the rows.</param>
    public RowReader(DiffSide side, DiffOptions options, TDecoder decoder)
    {
        _path = side.Database.Path;
        _decoder = decoder;
        var limited = options.From is not null || options.To is not null;
        var sql = $"{TDecoder.Select} WHERE run = ?1{(limited ? " AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal, seq" : $" ORDER BY {TDecoder.KeyOrder}")}";
        if (NativeSqlite.Open(_path, out _database, NativeSqlite.OpenReadOnly | NativeSqlite.OpenNoMutex, 0) != NativeSqlite.Ok
            || NativeSqlite.Prepare(_database, sql, -1, 0, out _statement, 0) != NativeSqlite.Ok)
        {
            var failure = Failure();
            Dispose();
            throw failure;
        }

        _ = NativeSqlite.BindInt64(_statement, 1, side.Run.Run);
        if (!limited)
            return;
        _ = NativeSqlite.BindInt64(_statement, 2, options.From ?? long.MinValue);
        _ = NativeSqlite.BindInt64(_statement, 3, options.To ?? long.MaxValue);
    }

    /// <summary>The present row.</summary>
    public DiffRow Row;

    /// <summary>Moves to the next row; false: there is none, and its ordinal is beyond all others.</summary>
    public bool Read()
    {
        var result = NativeSqlite.Step(_statement);
        if (result == NativeSqlite.Row)
        {
            Row.Ordinal = NativeSqlite.ColumnInt64(_statement, 0);
            _decoder.Decode(_statement, ref Row);
            return true;
        }

        if (result != NativeSqlite.Done)
            throw Failure();
        Row.Ordinal = long.MaxValue;
        return false;
    }

    public void Dispose()
    {
        if (_statement != 0)
            _ = NativeSqlite.Finalize(_statement);
        if (_database != 0)
            _ = NativeSqlite.Close(_database);
        _statement = 0;
        _database = 0;
    }

    private StoreException Failure() =>
        new($"{_path}: cannot be read: {Marshal.PtrToStringUTF8(NativeSqlite.ErrorMessage(_database)) ?? "no memory"}.");
}
