using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store;

/// <summary>A prepared statement of a <see cref="NativeConnection"/>.</summary>
internal sealed class NativeStatement(NativeConnection connection, nint statement) : IDisposable
{
    private nint _statement = statement;

    /// <summary>SQLite's own handle, for the bulk inserts.</summary>
    public nint Handle => _statement;

    /// <summary>True: there is a row. False: done.</summary>
    public bool Step()
    {
        var result = NativeSqlite.Step(_statement);
        if (result is NativeSqlite.Row)
            return true;
        if (result is not NativeSqlite.Done)
            throw connection.Failure();
        return false;
    }

    public void Reset() => _ = NativeSqlite.Reset(_statement);

    public long Int64(int column) => NativeSqlite.ColumnInt64(_statement, column);

    public bool IsNull(int column) => NativeSqlite.ColumnType(_statement, column) == NativeSqlite.Null;

    public void BindInt64(int parameter, long value) => _ = NativeSqlite.BindInt64(_statement, parameter, value);

    /// <summary>UTF-8; empty binds NULL.</summary>
    public void BindText(int parameter, ReadOnlySpan<byte> text) =>
        _ = text.IsEmpty ? NativeSqlite.BindNull(_statement, parameter) : NativeSqlite.BindText(_statement, parameter, text, text.Length, NativeSqlite.Transient);

    public string Text(int column) => Marshal.PtrToStringUTF8(NativeSqlite.ColumnText(_statement, column)) ?? "";

    public void Bind(int parameter, object? value)
    {
        _ = value switch
        {
            null => NativeSqlite.BindNull(_statement, parameter),
            string text => NativeSqlite.BindText(_statement, parameter, text, -1, NativeSqlite.Transient),
            ulong bits => NativeSqlite.BindInt64(_statement, parameter, unchecked((long)bits)),
            bool flag => NativeSqlite.BindInt64(_statement, parameter, flag ? 1 : 0),
            long or int or uint or byte or ushort => NativeSqlite.BindInt64(_statement, parameter, Convert.ToInt64(value)),
            _ => throw new ArgumentException($"no column holds a {value.GetType().Name}"),
        };
    }

    public void Dispose()
    {
        if (_statement != 0)
            _ = NativeSqlite.Finalize(_statement);
        _statement = 0;
    }
}
