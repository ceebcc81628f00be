using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Trace;
using SQLitePCL;

namespace Replay.Analyzer.Query;

/// <summary>Statements being run. Each <see cref="NextResult"/> moves to the rows of the next one.</summary>
public sealed class QueryExecution : IQueryExecution
{
    /// <summary>Virtual machine instructions between two looks at the clock and the token: well under a millisecond.</summary>
    private const int InstructionsPerCheck = 10_000;

    private const int Interrupt = 9;

    private const int StepsOfStatement = 4;

    private readonly sqlite3 _database;
    private readonly ReadOnlyGuard _guard;
    private readonly IReadOnlyDictionary<string, SqlValue> _parameters;
    private readonly QueryLimits _limits;
    private readonly KeptStatements? _kept;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenRegistration _registration;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly long _deadline;
    private string _rest;
    private sqlite3_stmt? _statement;
    private string? _keptAs;
    private string[] _columns = [];

    internal QueryExecution(
        sqlite3 database,
        ReadOnlyGuard guard,
        string sql,
        IReadOnlyDictionary<string, SqlValue> parameters,
        QueryLimits limits,
        KeptStatements? kept,
        CancellationToken cancellation)
    {
        _kept = kept;
        _database = database;
        _guard = guard;
        _rest = sql;
        _parameters = parameters;
        _limits = limits;
        _cancellation = cancellation;
        _deadline = limits.Time is { } time ? Environment.TickCount64 + (long)time.TotalMilliseconds : long.MaxValue;
        // The interrupt is immediate but is lost between two statements; the progress handler looks again.
        raw.sqlite3_progress_handler(database, InstructionsPerCheck, _ => MustStop ? 1 : 0, null);
        _registration = cancellation.Register(() => raw.sqlite3_interrupt(database));
    }

    public IReadOnlyList<string> Columns => _columns;

    /// <summary>Rows read of the current result.</summary>
    public long RowCount { get; private set; }

    /// <summary>Why the current result ended. Whoever shows the rows must tell a limit.</summary>
    public QueryEnd End { get; private set; } = QueryEnd.Complete;

    private bool MustStop => _cancellation.IsCancellationRequested || Environment.TickCount64 >= _deadline;

    /// <summary>Bytes of values read of the current result.</summary>
    public long ByteCount { get; private set; }

    /// <summary>What the current statement has taken so far, in instructions of SQLite's machine: the same on any machine, however busy.</summary>
    internal int Steps => raw.sqlite3_stmt_status(_statement, StepsOfStatement, 0);

    public SqlValue this[int column]
    {
        get
        {
            switch (raw.sqlite3_column_type(_statement, column))
            {
                case raw.SQLITE_INTEGER:
                    ByteCount += sizeof(long);
                    return SqlValue.Of(raw.sqlite3_column_int64(_statement, column));
                case raw.SQLITE_FLOAT:
                    ByteCount += sizeof(double);
                    return SqlValue.Of(raw.sqlite3_column_double(_statement, column));
                case raw.SQLITE_TEXT:
                    var text = raw.sqlite3_column_text(_statement, column).utf8_to_string();
                    ByteCount += text.Length;
                    return SqlValue.Of(text);
                case raw.SQLITE_BLOB:
                    var blob = raw.sqlite3_column_blob(_statement, column).ToArray();
                    ByteCount += blob.Length;
                    return SqlValue.Of(blob);
                default:
                    return SqlValue.Null;
            }
        }
    }

    /// <summary>An integer of the row, 0 for NULL: for who reads millions of rows and knows what a column holds.</summary>
    public long Integer(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <summary>Moves to the next statement; false: there is none, or the time is over.</summary>
    /// <exception cref="QueryException">The statement is wrong, refused, or lacks a parameter.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool NextResult()
    {
        Finish();
        if (End == QueryEnd.TimeLimit)
            return false;
        do
        {
            _cancellation.ThrowIfCancellationRequested();
            if (_rest.Length == 0)
            {
                CheckAllUsed();
                return false;
            }

            Prepare();
        }
        while (_statement is null);

        Bind(_statement);
        _columns = new string[raw.sqlite3_column_count(_statement)];
        for (var i = 0; i < _columns.Length; i++)
            _columns[i] = raw.sqlite3_column_name(_statement, i).utf8_to_string();
        RowCount = 0;
        ByteCount = 0;
        End = QueryEnd.Open;
        return true;
    }

    /// <summary>Moves to the next row of the current result; false: <see cref="End"/> says why.</summary>
    /// <exception cref="QueryException">The statement failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Read()
    {
        if (End != QueryEnd.Open || _statement is null)
            return false;
        var result = raw.sqlite3_step(_statement);
        if (result == raw.SQLITE_ROW)
        {
            if (RowCount == _limits.Rows)
            {
                End = QueryEnd.RowLimit;
                return false;
            }

            if (ByteCount >= _limits.Bytes)
            {
                End = QueryEnd.ByteLimit;
                return false;
            }

            RowCount++;
            return true;
        }

        if (result == raw.SQLITE_DONE)
            End = QueryEnd.Complete;
        else if (result == Interrupt)
            Stopped();
        else
            throw Failure();
        return false;
    }

    public void Dispose()
    {
        Finish();
        _registration.Dispose();
        raw.sqlite3_progress_handler(_database, 0, null, null);
    }

    private void Stopped()
    {
        _cancellation.ThrowIfCancellationRequested();
        End = QueryEnd.TimeLimit;
    }

    private void Prepare()
    {
        _guard.Forget();
        if (_kept?.Take(_rest) is { } ready)
        {
            (_statement, _keptAs, _rest) = (ready, _rest, "");
            return;
        }

        var whole = _rest;
        var result = raw.sqlite3_prepare_v2(_database, _rest, out var statement, out var tail);
        if (result == Interrupt)
        {
            _cancellation.ThrowIfCancellationRequested();
            throw new QueryException("the time limit was over before all statements were run.");
        }

        if (result != raw.SQLITE_OK)
            throw Failure();
        // A comment or white space makes no statement.
        _statement = statement is null || statement.IsInvalid ? null : statement;
        _rest = tail ?? "";
        _keptAs = _kept is not null && _rest.Length == 0 ? whole : null;
    }

    private void Bind(sqlite3_stmt statement)
    {
        var count = raw.sqlite3_bind_parameter_count(statement);
        for (var i = 1; i <= count; i++)
        {
            var marked = raw.sqlite3_bind_parameter_name(statement, i).utf8_to_string();
            if (string.IsNullOrEmpty(marked))
                throw new QueryException("the SQL has a parameter without a name. Write :name and give it with -p name=value.");
            var name = marked[1..];
            if (!_parameters.TryGetValue(name, out var value))
                throw new QueryException($"the SQL needs parameter {name}. Give it with -p {name}=VALUE.");
            _used.Add(name);
            _ = value.Kind switch
            {
                SqlValueKind.Integer => raw.sqlite3_bind_int64(statement, i, value.Integer),
                SqlValueKind.Real => raw.sqlite3_bind_double(statement, i, value.Real),
                SqlValueKind.Text => raw.sqlite3_bind_text(statement, i, value.ToString()),
                SqlValueKind.Blob => raw.sqlite3_bind_blob(statement, i, value.Blob),
                _ => raw.sqlite3_bind_null(statement, i),
            };
        }
    }

    private void CheckAllUsed()
    {
        foreach (var name in _parameters.Keys)
        {
            if (!_used.Contains(name))
                throw new QueryException($"the SQL has no parameter {name}.");
        }
    }

    private void Finish()
    {
        if (_statement is not null && _keptAs is not null)
            _kept!.Return(_keptAs, _statement);
        else
            _statement?.Dispose();
        (_statement, _keptAs) = (null, null);
    }

    private QueryException Failure() => _guard.Refused is { } refused
        ? new QueryException($"a query may only read: {refused} {(refused is "transactions" or "statements that write" ? "are" : "is")} refused.")
        : new QueryException(Explain(raw.sqlite3_errmsg(_database).utf8_to_string()));

    private static string ViewsWith(string column)
    {
        var views = ViewDefinition.All.Where(view => view.Columns.Any(known => known.Name.Equals(column, StringComparison.OrdinalIgnoreCase))).Select(view => view.Name).ToList();
        return views.Count <= 4 ? $"{string.Join(", ", views)} {(views.Count == 1 ? "does" : "do")}" : $"{string.Join(", ", views.Take(3))} and {views.Count - 3} others do";
    }

    /// <summary>Of a name that is none, which are like it; of a limit, what it is.</summary>
    private static string Explain(string error)
    {
        const string Other = "'replay schema' describes all views and columns.";
        if (error == "string or blob too big")
            return $"SQL error: {error}: a value has {QueryRunner.MaxLength >> 20} MiB at most.";
        if (error == "out of memory")
            return $"SQL error: {error}: a query has {QueryRunner.MaxMemory >> 20} MiB at most.";
        if (error.Split(": ", 2) is not [var what, var written])
            return $"SQL error: {error}";
        var wrong = written[(written.LastIndexOf('.') + 1)..];
        return what switch
        {
            "no such column" when ViewDefinition.All.Any(view => view.Columns.Any(column => column.Name.Equals(wrong, StringComparison.OrdinalIgnoreCase))) =>
                $"SQL error: {error}. The query reads no view that has it: {ViewsWith(wrong)}.",
            "no such column" => $"SQL error: {error}.{DidYouMean.Ask(wrong, ViewDefinition.All.SelectMany(view => view.Columns).Select(column => column.Name), Other)}",
            "no such table" => $"SQL error: {error}.{DidYouMean.Ask(wrong, ViewDefinition.All.Select(view => view.Name), Other)}",
            _ => $"SQL error: {error}{(what.StartsWith("no such ", StringComparison.Ordinal) ? ". " + Other : "")}",
        };
    }
}
