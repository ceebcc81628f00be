using System.Runtime.CompilerServices;
using Replay.Analyzer.Store;
using SQLitePCL;

namespace Replay.Analyzer.Query;

/// <summary>
/// Runs SQL that others wrote on a database: read-only, guarded, within limits, and stopped at once when asked.
/// </summary>
public sealed class QueryRunner
{
    /// <summary>Bytes of a text, a blob or a row.</summary>
    internal const int MaxLength = 64 << 20;

    /// <summary>Bytes that SQLite takes in this process. Sorts go to temporary files long before.</summary>
    internal const long MaxMemory = 1L << 30;

    // Of sqlite3_limit.
    private const int LengthLimit = 0;
    private const int LikePatternLimit = 8;
    private const int WorkerLimit = 11;

    /// <summary>A connection has one guard, whoever asks it: a second would leave the first one's askers without the reason of a refusal.</summary>
    private static readonly ConditionalWeakTable<Database, ReadOnlyGuard> Guards = [];

    private readonly Database _database;
    private readonly ReadOnlyGuard _guard;

    /// <param name="database">What is asked.</param>
    /// <param name="symbols">The function of the guest at an address, in the address space of a CR3 or in any; what <c>symbol()</c> answers.</param>
    public QueryRunner(Database database, Func<ulong, ulong?, string?>? symbols = null)
    {
        _database = database;
        _guard = Guards.GetValue(database, Guard);
        if (symbols is not null)
            AddSymbols(database.Connection.Handle!, symbols);
    }

    private static ReadOnlyGuard Guard(Database database)
    {
        var connection = database.Connection.Handle!;
        _ = raw.sqlite3_limit(connection, LengthLimit, MaxLength);
        _ = raw.sqlite3_limit(connection, LikePatternLimit, 1000);
        _ = raw.sqlite3_limit(connection, WorkerLimit, 0);
        _ = raw.sqlite3_hard_heap_limit64(MaxMemory);
        AddSymbols(connection, null);
        var guard = new ReadOnlyGuard();
        guard.Install(connection);
        return guard;
    }

    private static void AddSymbols(sqlite3 connection, Func<ulong, ulong?, string?>? symbols)
    {
        _ = raw.sqlite3_create_function(connection, "symbol", 1, raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC, null, (context, _, arguments) => Symbol(symbols, context, arguments));
        _ = raw.sqlite3_create_function(connection, "symbol", 2, raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC, null, (context, _, arguments) => Symbol(symbols, context, arguments));
    }

    private static void Symbol(Func<ulong, ulong?, string?>? symbols, sqlite3_context context, sqlite3_value[] arguments)
    {
        if (symbols is null || raw.sqlite3_value_type(arguments[0]) != raw.SQLITE_INTEGER)
        {
            raw.sqlite3_result_null(context);
            return;
        }

        ulong? space = arguments.Length > 1 && raw.sqlite3_value_type(arguments[1]) == raw.SQLITE_INTEGER ? unchecked((ulong)raw.sqlite3_value_int64(arguments[1])) : null;
        if (symbols(unchecked((ulong)raw.sqlite3_value_int64(arguments[0])), space) is { } name)
            raw.sqlite3_result_text(context, name);
        else
            raw.sqlite3_result_null(context);
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
        CancellationToken cancellation = default) => Execute(sql, parameters, limits, null, cancellation);

    /// <summary>
    /// Starts a statement of the program's own, whose text is the same every time: it is compiled once and kept as long as the database is open. Otherwise as
    /// <see cref="Execute(string, IReadOnlyDictionary{string, SqlValue}?, QueryLimits?, CancellationToken)"/>.
    /// </summary>
    public QueryExecution ExecuteKept(string sql, IReadOnlyDictionary<string, SqlValue> parameters, QueryLimits limits, CancellationToken cancellation) =>
        Execute(sql, parameters, limits, _database.Statements, cancellation);

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

    private QueryExecution Execute(string sql, IReadOnlyDictionary<string, SqlValue>? parameters, QueryLimits? limits, KeptStatements? kept, CancellationToken cancellation)
    {
        if (string.IsNullOrWhiteSpace(sql))
            throw new QueryException("no SQL given. Pass it as an argument, with -f FILE, or pipe it in.");
        return new QueryExecution(
            _database.Connection.Handle!,
            _guard,
            sql,
            parameters ?? new Dictionary<string, SqlValue>(),
            limits ?? QueryLimits.None,
            kept,
            cancellation);
    }
}
