using SQLitePCL;

namespace Replay.Analyzer.Store;

/// <summary>
/// Compiled statements of one connection, for who asks the same again and again with other values: a view's statement takes longer to compile than to find
/// a row by.
/// </summary>
internal sealed class KeptStatements : IDisposable
{
    private const int Most = 128;

    private readonly Dictionary<string, sqlite3_stmt> _idle = new(StringComparer.Ordinal);

    /// <summary>A statement that nobody uses at the moment; null: it must be compiled.</summary>
    public sqlite3_stmt? Take(string sql) => _idle.Remove(sql, out var statement) ? statement : null;

    /// <summary>Keeps a statement for the next who asks, without the values of this one.</summary>
    public void Return(string sql, sqlite3_stmt statement)
    {
        _ = raw.sqlite3_reset(statement);
        _ = raw.sqlite3_clear_bindings(statement);
        if (_idle.Count >= Most || !_idle.TryAdd(sql, statement))
            statement.Dispose();
    }

    public void Dispose()
    {
        foreach (var statement in _idle.Values)
            statement.Dispose();
        _idle.Clear();
    }
}
