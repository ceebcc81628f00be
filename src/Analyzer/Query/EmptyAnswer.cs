using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query;

/// <summary>Why a canned query may have no rows.</summary>
/// <param name="Condition">SQL over the query's parameters; null: otherwise.</param>
/// <param name="Text">What is told where it holds.</param>
public sealed record EmptyReason(string? Condition, string Text);

/// <summary>Says why a canned query has no rows: what its run's trace could not show, or what its file says of it.</summary>
public static class EmptyAnswer
{
    /// <summary>A companion has these, whatever its trace shows.</summary>
    private const string FilledIn = "'chains', 'table_pages', 'tlb_flushes'";

    /// <param name="query">What was asked.</param>
    /// <param name="arguments">What the user gave of its parameters.</param>
    /// <param name="runner">Asks the database.</param>
    /// <param name="database">What was asked.</param>
    public static string Explain(CannedQuery query, IReadOnlyDictionary<string, string> arguments, QueryRunner runner, Database database)
    {
        ArgumentNullException.ThrowIfNull(query);
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(database);
        if (database.Runs.Count == 0)
            return "there is no run in this database yet.";
        var values = query.Bind(arguments, runner, database);
        var run = values.TryGetValue("run", out var asked) && asked.Kind == SqlValueKind.Integer ? asked.Integer : (long?)null;
        var reason = NotShown(query, run, runner) ?? Told(query, values, runner);
        if (run is null || database.Runs.Count < 2)
            return reason;
        var name = database.Runs.First(known => known.Run == run).Name;
        var others = arguments.ContainsKey("run") ? "" : $" -p run= asks another: {string.Join(", ", database.Runs.Where(other => other.Run != run).Select(other => other.Name))}.";
        return $"run {name}: {reason}{others}";
    }

    /// <summary>What the query rests on and the trace does not show.</summary>
    private static string? NotShown(CannedQuery query, long? run, QueryRunner runner)
    {
        if (query.Needs.Count == 0)
            return null;
        var facts = string.Join(", ", query.Needs.Select(fact => $"'{fact}'"));
        using var rows = runner.Execute(
            $"""
            SELECT r.name, c.fact, c.source,
              (SELECT f.name FROM trace_of AS t JOIN run AS f ON f.run = t.run WHERE t.trace_run = r.run AND f.run <> r.run AND (c.fact LIKE 'table_write.%' OR c.fact IN ({FilledIn})) LIMIT 1)
            FROM capability AS c JOIN run AS r ON r.run = c.run
            WHERE c.shown = 'no' AND c.fact IN ({facts}) AND (:run IS NULL OR c.run = :run)
            ORDER BY c.run, c.fact LIMIT 1
            """,
            new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = run is { } number ? SqlValue.Of(number) : SqlValue.Null });
        if (!rows.NextResult() || !rows.Read())
            return null;
        var companion = rows[3].Kind == SqlValueKind.Null ? "" : $" Its companion has that: -p run={rows[3]}.";
        return $"{(run is null ? $"run {rows[0]}: " : "")}its trace does not show {rows[1]} ({rows[2]}).{companion}";
    }

    private static string Told(CannedQuery query, Dictionary<string, SqlValue> values, QueryRunner runner)
    {
        foreach (var reason in query.WhenEmpty)
        {
            if (reason.Condition is not { } condition)
                return reason.Text;
            var used = values.Where(pair => condition.Contains(":" + pair.Key, StringComparison.Ordinal)).ToDictionary();
            using var rows = runner.Execute($"SELECT {condition}", used);
            if (rows.NextResult() && rows.Read() && rows[0].Kind == SqlValueKind.Integer && rows[0].Integer != 0)
                return reason.Text;
        }

        return "nothing matches.";
    }
}
