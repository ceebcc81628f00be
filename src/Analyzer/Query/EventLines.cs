using System.Text;
using Replay.Trace;

namespace Replay.Analyzer.Query;

/// <summary>Reads a run's history as lines: writes, faults, exits, pages, roots and flushes merged in their order.</summary>
public static class EventLines
{
    private const int LinesWanted = 10_000;
    private const long FirstWidth = 65_536;

    /// <summary>The kinds of lines there are.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        ["access", "exit", "fault", "write", "page", "root", "flush", "rmap", "guest_fault", "guest_state", "note"];

    /// <summary>The lines that <paramref name="filter"/> wants, as they are read from the database.</summary>
    /// <exception cref="QueryException">The filter names a kind that is none.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IEnumerable<EventLine> Read(QueryRunner runner, EventFilter filter, CancellationToken cancellation = default)
    {
        foreach (var kind in filter.Kinds)
        {
            if (!Kinds.Contains(kind))
                throw new QueryException($"there is no kind of event '{kind}'. There are {string.Join(", ", Kinds)}.{DidYouMean.Ask(kind, Kinds)}");
        }

        return Lines(runner, filter, cancellation);
    }

    /// <summary>
    /// Stretch by stretch, because SQLite sorts all that a query over the view finds before it gives the first row. A stretch grows
    /// and shrinks with what the last one held.
    /// </summary>
    private static IEnumerable<EventLine> Lines(QueryRunner runner, EventFilter filter, CancellationToken cancellation)
    {
        var last = Math.Min(filter.LastOrdinal, LastOrdinal(runner, filter.Run, cancellation));
        var width = FirstWidth;
        for (var first = filter.FirstOrdinal; first <= last;)
        {
            var to = width < last - first ? first + width - 1 : last;
            var lines = 0;
            foreach (var line in Stretch(runner, filter, first, to, cancellation))
            {
                lines++;
                yield return line;
            }

            if (to == last)
                yield break;
            first = to + 1;
            if (lines < LinesWanted / 2)
                width *= 2;
            else if (lines > LinesWanted * 2)
                width = Math.Max(1, width / 2);
        }
    }

    private static long LastOrdinal(QueryRunner runner, int run, CancellationToken cancellation)
    {
        var views = new[] { "access", "vm_exit", "fault", "table_write", "page_operation", "root_change", "tlb_flush", "rmap_change", "guest_fault", "model_note" };
        var maxima = views.Select(view => $"coalesce((SELECT max(ordinal) FROM {view} WHERE run = :run), -1)");
        using var execution = runner.Execute(
            $"SELECT max({string.Join(", ", maxima)})",
            new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = SqlValue.Of(run) },
            QueryLimits.None,
            cancellation);
        return execution.NextResult() && execution.Read() ? execution[0].Integer : -1;
    }

    private static IEnumerable<EventLine> Stretch(QueryRunner runner, EventFilter filter, long first, long last, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, SqlValue>(StringComparer.Ordinal)
        {
            ["run"] = SqlValue.Of(filter.Run),
            ["first"] = SqlValue.Of(first),
            ["last"] = SqlValue.Of(last),
        };
        using var execution = runner.Execute(Sql(filter, parameters), parameters, QueryLimits.None, cancellation);
        execution.NextResult();
        while (execution.Read())
        {
            yield return new EventLine(
                execution[0].Integer,
                Optional(execution[1]),
                execution[2].ToString(),
                (int?)Optional(execution[3]),
                Optional(execution[4]),
                Optional(execution[5]),
                execution[6].ToString());
        }
    }

    private static string Sql(EventFilter filter, Dictionary<string, SqlValue> parameters)
    {
        var sql = new StringBuilder("SELECT ordinal, seq, kind, vcpu, table_id, gfn, text FROM event WHERE run = :run AND ordinal BETWEEN :first AND :last");
        if (filter.Gfn is { } gfn)
        {
            sql.Append(" AND gfn = :gfn");
            parameters["gfn"] = SqlValue.Of(gfn);
        }

        if (filter.TableId is { } table)
        {
            sql.Append(" AND table_id = :table");
            parameters["table"] = SqlValue.Of(table);
        }

        // Names from our own list: quoted, not bound.
        if (filter.Kinds.Count > 0)
            sql.Append(" AND kind IN (").AppendJoin(", ", filter.Kinds.Select(kind => $"'{kind}'")).Append(')');
        return sql.Append(" ORDER BY run, ordinal, seq").ToString();
    }

    private static long? Optional(SqlValue value) => value.Kind == SqlValueKind.Null ? null : value.Integer;
}

/// <summary>One line of a run's history: a row of the view <c>event</c>.</summary>
/// <param name="Ordinal">The trace event.</param>
/// <param name="Seq">Place in the run's history; null: the access that began it.</param>
/// <param name="Kind">What happened, such as <c>write</c>.</param>
/// <param name="Vcpu">On whose behalf; null: not known.</param>
/// <param name="TableId">The table concerned, if one is.</param>
/// <param name="Gfn">The guest frame concerned, if one is.</param>
/// <param name="Text">What happened, in words.</param>
public sealed record EventLine(long Ordinal, long? Seq, string Kind, int? Vcpu, long? TableId, long? Gfn, string Text)
{
    /// <summary>The line as <c>replay events</c> prints it.</summary>
    public override string ToString() => $"{Ordinal,12} {Seq?.ToString() ?? "",9}  {Kind,-11} {Text}";
}

/// <summary>Which lines of a run's history are wanted.</summary>
public sealed record EventFilter
{
    public required int Run { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; } = long.MaxValue;

    /// <summary>Only lines that concern this guest frame; null: all.</summary>
    public long? Gfn { get; init; }

    /// <summary>Only lines that concern this table; null: all.</summary>
    public long? TableId { get; init; }

    /// <summary>Only these kinds (<c>write</c>, <c>fault</c>, ...); empty: all.</summary>
    public IReadOnlyList<string> Kinds { get; init; } = [];
}
