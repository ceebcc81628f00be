using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Explorer.Data;

/// <summary>One request's use of a database: a connection of its own, guarded and limited as in <c>replay query</c>.</summary>
internal sealed class Session(ServedDatabase served, Database database, QueryRunner runner, string stamp, CancellationToken cancellation) : IDisposable
{
    private static readonly QueryLimits OwnLimits = new() { Time = TimeSpan.FromSeconds(60) };

    public ServedDatabase Served => served;

    public Database Database => database;

    public QueryRunner Runner => runner;

    /// <summary>Which content of the file this connection sees.</summary>
    public string Stamp => stamp;

    public CancellationToken Cancellation => cancellation;

    /// <summary>All rows of one of our own queries, whose text is the same every time: what differs is in its parameters.</summary>
    /// <exception cref="RequestProblem">It took too long.</exception>
    public List<T> Read<T>(string sql, Func<IQueryRows, T> row, params ReadOnlySpan<(string Name, SqlValue Value)> parameters) =>
        TryRead(sql, OwnLimits, row, parameters) ?? throw RequestProblem.Unavailable("this took longer than a minute and was stopped. Choose a shorter range.");

    /// <summary>The first row, or the default.</summary>
    public T? First<T>(string sql, Func<IQueryRows, T> row, params ReadOnlySpan<(string Name, SqlValue Value)> parameters)
    {
        var rows = Read(sql, row, parameters);
        return rows.Count > 0 ? rows[0] : default;
    }

    /// <summary>All rows of one of our own queries; null: it took longer than it may.</summary>
    public List<T>? TryRead<T>(string sql, QueryLimits limits, Func<IQueryRows, T> row, params ReadOnlySpan<(string Name, SqlValue Value)> parameters)
    {
        var values = new Dictionary<string, SqlValue>(parameters.Length, StringComparer.Ordinal);
        foreach (var (name, value) in parameters)
            values[name] = value;
        using var execution = runner.ExecuteKept(sql, values, limits, cancellation);
        if (!execution.NextResult())
            return null;
        var rows = new List<T>();
        while (execution.Read())
            rows.Add(row(execution));
        return execution.End == QueryEnd.TimeLimit ? null : rows;
    }

    public void Dispose() => served.Return(database, runner, stamp);
}
