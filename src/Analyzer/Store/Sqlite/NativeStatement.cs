using SQLitePCL;

namespace Replay.Analyzer.Store;

/// <summary>A prepared statement of a <see cref="NativeConnection"/>.</summary>
internal sealed class NativeStatement(NativeConnection connection, sqlite3_stmt statement) : IDisposable
{
    private readonly nint _statement = statement.DangerousGetHandle();

    /// <summary>SQLite's own handle, for the bulk inserts.</summary>
    public nint Handle => _statement;

    /// <summary>True: there is a row. False: done.</summary>
    public bool Step()
    {
        var result = NativeSqlite.Step(_statement);
        if (result is raw.SQLITE_ROW)
            return true;
        if (result is not raw.SQLITE_DONE)
            throw connection.Failure();
        return false;
    }

    public void Reset() => _ = NativeSqlite.Reset(_statement);

    public long Int64(int column) => NativeSqlite.ColumnInt64(_statement, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;

    public void BindInt64(int parameter, long value) => _ = NativeSqlite.BindInt64(_statement, parameter, value);

    /// <summary>UTF-8; empty binds NULL.</summary>
    public void BindText(int parameter, ReadOnlySpan<byte> text) =>
        _ = text.IsEmpty ? NativeSqlite.BindNull(_statement, parameter) : raw.sqlite3_bind_text(statement, parameter, text);

    public string Text(int column) => raw.sqlite3_column_text(statement, column).utf8_to_string() ?? "";

    public void Bind(int parameter, object? value)
    {
        _ = value switch
        {
            null => NativeSqlite.BindNull(_statement, parameter),
            string text => raw.sqlite3_bind_text(statement, parameter, text),
            ulong bits => NativeSqlite.BindInt64(_statement, parameter, unchecked((long)bits)),
            bool flag => NativeSqlite.BindInt64(_statement, parameter, flag ? 1 : 0),
            long or int or uint or byte or ushort => NativeSqlite.BindInt64(_statement, parameter, Convert.ToInt64(value)),
            _ => throw new ArgumentException($"no column holds a {value.GetType().Name}"),
        };
    }

    public void Dispose() => statement.Dispose();
}
