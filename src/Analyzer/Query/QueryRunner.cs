using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query;

/// <summary>
/// Runs SQL that others wrote on a database: read-only, guarded, within limits, and stopped at once when asked.
/// </summary>
public sealed class QueryRunner
{
    private readonly Database _database;
    private readonly ReadOnlyGuard _guard = new();

    public QueryRunner(Database database)
    {
        _database = database;
        _guard.Install(database.Connection.Handle!);
    }

    /// <summary>Starts the statements of <paramref name="sql"/>. They run as their results are read.</summary>
    /// <param name="sql">One or more statements with parameters as <c>:name</c>.</param>
    /// <param name="parameters">Values by name. One that no statement uses is an error, as is one that is missing.</param>
    /// <param name="limits">How much and how long.</param>
    /// <param name="cancellation">Stops a running statement at once.</param>
    /// <exception cref="QueryException">There is no statement.</exception>
    public QueryExecution Execute(
        string sql,
        IReadOnlyDictionary<string, SqlValue>? parameters = null,
        QueryLimits? limits = null,
        CancellationToken cancellation = default)
    {
        if (string.IsNullOrWhiteSpace(sql))
            throw new QueryException("no SQL given. Pass it as an argument, with -f FILE, or pipe it in.");
        return new QueryExecution(
            _database.Connection.Handle!,
            _guard,
            sql,
            parameters ?? new Dictionary<string, SqlValue>(),
            limits ?? QueryLimits.None,
            cancellation);
    }

    /// <summary>Starts a canned query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="arguments">What the user gave, by name; the rest gets its defaults.</param>
    /// <param name="limits">How much and how long.</param>
    /// <param name="cancellation">Stops a running statement at once.</param>
    /// <exception cref="QueryException">A parameter is unknown, missing, or of the wrong type.</exception>
    public QueryExecution Execute(
        CannedQuery query,
        IReadOnlyDictionary<string, string>? arguments = null,
        QueryLimits? limits = null,
        CancellationToken cancellation = default) =>
        Execute(query.Sql, query.Bind(arguments ?? new Dictionary<string, string>(), this, _database), limits, cancellation);
}
