using System.Text;

namespace Replay.Analyzer.Query;

/// <summary>Reads a run's history as lines: writes, faults, exits, pages, roots and flushes merged in their order.</summary>
public static class EventLines
{
    /// <summary>The kinds of lines there are.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        ["access", "exit", "fault", "write", "page", "root", "flush", "rmap", "guest_fault", "note"];

    /// <summary>The lines that <paramref name="filter"/> wants, as they are read from the database.</summary>
    /// <exception cref="QueryException">The filter names a kind that is none.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IEnumerable<EventLine> Read(QueryRunner runner, EventFilter filter, CancellationToken cancellation = default)
    {
        foreach (var kind in filter.Kinds)
        {
            if (!Kinds.Contains(kind))
                throw new QueryException($"there is no kind of event '{kind}'. There are {string.Join(", ", Kinds)}.");
        }

        return Lines(runner, filter, cancellation);
    }

    private static IEnumerable<EventLine> Lines(QueryRunner runner, EventFilter filter, CancellationToken cancellation)
    {
        var parameters = new Dictionary<string, SqlValue>(StringComparer.Ordinal)
        {
            ["run"] = SqlValue.Of(filter.Run),
            ["first"] = SqlValue.Of(filter.FirstOrdinal),
            ["last"] = SqlValue.Of(filter.LastOrdinal),
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
