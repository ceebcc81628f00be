using System.Globalization;
using System.Numerics;
using DuckDB.NET.Data;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Schema;
using Replay.Trace;

namespace Replay.DuckDb;

/// <summary>Statements being run, within the limits that <see cref="QueryExecution"/> keeps.</summary>
internal sealed class DuckDbExecution : IQueryExecution
{
    private readonly DuckDBConnection _connection;
    private readonly List<string> _statements;
    private readonly IReadOnlyDictionary<string, SqlValue> _parameters;
    private readonly QueryLimits _limits;
    private readonly CancellationToken _cancellation;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop;
    private readonly long _deadline;
    private DuckDBCommand? _command;
    private DuckDBDataReader? _reader;
    private CancellationTokenRegistration _registration;
    private string[] _columns = [];
    private int _next;

    public DuckDbExecution(
        DuckDBConnection connection, List<string> statements, IReadOnlyDictionary<string, SqlValue> parameters, QueryLimits limits, CancellationToken cancellation)
    {
        _connection = connection;
        _statements = statements;
        _parameters = parameters;
        _limits = limits;
        _cancellation = cancellation;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _deadline = long.MaxValue;
        if (limits.Time is not { } time)
            return;
        _deadline = Environment.TickCount64 + (long)time.TotalMilliseconds;
        _stop.CancelAfter(time);
    }

    public IReadOnlyList<string> Columns => _columns;

    public long RowCount { get; private set; }

    public long ByteCount { get; private set; }

    public QueryEnd End { get; private set; } = QueryEnd.Complete;

    public SqlValue this[int column]
    {
        get
        {
            var value = Of(_reader!, column);
            ByteCount += value.Kind switch
            {
                SqlValueKind.Null => 0,
                SqlValueKind.Text => value.ToString().Length,
                SqlValueKind.Blob => value.Blob.Length,
                _ => sizeof(long),
            };
            return value;
        }
    }

    public bool NextResult()
    {
        Finish();
        if (End == QueryEnd.TimeLimit)
            return false;
        _cancellation.ThrowIfCancellationRequested();
        if (_next == _statements.Count)
        {
            CheckAllUsed();
            return false;
        }

        var statement = _statements[_next++];
        (RowCount, ByteCount, End) = (0, 0, QueryEnd.Open);
        _command = _connection.CreateCommand();
        _command.UseStreamingMode = true;
        _command.CommandText = DuckDbSql.Of(statement);
        foreach (var name in DuckDbSql.Parameters(statement))
            _command.Parameters.Add(new DuckDBParameter(name, ValueOf(name)));
        _registration = _stop.Token.Register(static command => ((DuckDBCommand)command!).Cancel(), _command);
        if (!Guarded(() => _reader = _command.ExecuteReader()))
        {
            _columns = [];
            return true;
        }

        _columns = [.. Enumerable.Range(0, _reader!.FieldCount).Select(_reader.GetName)];
        return true;
    }

    public bool Read()
    {
        if (End != QueryEnd.Open || _reader is null)
            return false;
        var isRow = false;
        if (!Guarded(() => isRow = _reader.Read()))
            return false;
        if (!isRow)
            End = QueryEnd.Complete;
        else if (RowCount == _limits.Rows)
            End = QueryEnd.RowLimit;
        else if (ByteCount >= _limits.Bytes)
            End = QueryEnd.ByteLimit;
        else if (Environment.TickCount64 >= _deadline)
            End = QueryEnd.TimeLimit;
        _cancellation.ThrowIfCancellationRequested();
        if (End != QueryEnd.Open)
            return false;
        RowCount++;
        return true;
    }

    public void Dispose()
    {
        Finish();
        _stop.Dispose();
    }

    /// <summary>What DuckDB says, in a line, with the names that are like the wrong one.</summary>
    internal static QueryException Failure(DuckDBException exception)
    {
        var text = exception.Message.Split('\n')[0].Trim();
        var colon = text.IndexOf(": ", StringComparison.Ordinal);
        var quoted = text.Split('"');
        var hint = quoted.Length > 1 && text.Contains("column", StringComparison.OrdinalIgnoreCase)
            ? DidYouMean.Ask(quoted[1], ViewDefinition.All.SelectMany(view => view.Columns).Select(column => column.Name), "'replay schema' describes all views and columns.")
            : text.StartsWith("Catalog Error: Table with name ", StringComparison.Ordinal)
                ? DidYouMean.Ask(text.Split(' ')[5], ViewDefinition.All.Select(view => view.Name), "'replay schema' describes all views and columns.")
                : "";
        return new QueryException($"SQL error: {(colon > 0 ? text[(colon + 2)..] : text)}{(hint.Length > 0 && !text.EndsWith('.') ? "." : "")}{hint}");
    }

    /// <returns>False: the time is over.</returns>
    private bool Guarded(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception exception) when (exception is OperationCanceledException or DuckDBException && _stop.IsCancellationRequested)
        {
            _cancellation.ThrowIfCancellationRequested();
            End = QueryEnd.TimeLimit;
            return false;
        }
        catch (DuckDBException exception)
        {
            throw Failure(exception);
        }
    }

    private object? ValueOf(string name)
    {
        if (!_parameters.TryGetValue(name, out var value))
            throw new QueryException($"the SQL needs parameter {name}. Give it with -p {name}=VALUE.");
        _used.Add(name);
        return value.Kind switch
        {
            SqlValueKind.Integer => value.Integer,
            SqlValueKind.Real => value.Real,
            SqlValueKind.Text => value.ToString(),
            SqlValueKind.Blob => value.Blob,
            _ => DBNull.Value,
        };
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
        _registration.Dispose();
        _reader?.Dispose();
        _command?.Dispose();
        (_reader, _command) = (null, null);
    }

    /// <summary>A value as SQLite would have it.</summary>
    private static SqlValue Of(DuckDBDataReader reader, int column)
    {
        if (reader.IsDBNull(column))
            return SqlValue.Null;
        return reader.GetValue(column) switch
        {
            long value => SqlValue.Of(value),
            int value => SqlValue.Of(value),
            bool value => SqlValue.Of(value ? 1 : 0),
            string value => SqlValue.Of(value),
            double value => SqlValue.Of(value),
            float value => SqlValue.Of(value),
            decimal value => SqlValue.Of((double)value),
            BigInteger value when value >= long.MinValue && value <= long.MaxValue => SqlValue.Of((long)value),
            BigInteger value => SqlValue.Of((double)value),
            ulong value => SqlValue.Of(unchecked((long)value)),
            uint value => SqlValue.Of(value),
            short value => SqlValue.Of(value),
            ushort value => SqlValue.Of(value),
            sbyte value => SqlValue.Of(value),
            byte value => SqlValue.Of(value),
            Stream value => SqlValue.Of(Bytes(value)),
            var value => SqlValue.Of(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""),
        };
    }

    private static byte[] Bytes(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
