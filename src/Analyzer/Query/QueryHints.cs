using System.Globalization;
using System.Text.RegularExpressions;
using Dapper;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query;

/// <summary>What is right SQL and yet may not be what was meant, and why an answer is empty.</summary>
public static partial class QueryHints
{
    /// <summary>A line for each join that puts rows of different runs together, and for what is asked of a run that cannot show it.</summary>
    public static IEnumerable<string> For(string sql, Database database)
    {
        ArgumentNullException.ThrowIfNull(database);
        foreach (var hint in AddressSpaces(sql, database))
            yield return hint;
        if (database.Runs.Count < 2)
            yield break;
        foreach (Match match in Join().Matches(sql))
        {
            var condition = match.Groups["condition"].Value;
            var id = MeantQuery.CountedAnew.FirstOrDefault(column => Regex.IsMatch(condition, $@"\b{column}\b", RegexOptions.IgnoreCase));
            if (id is null || RunWord().IsMatch(condition) || RunOfSide().Matches(sql).Select(match => match.Groups["side"].Value).Distinct(StringComparer.OrdinalIgnoreCase).Count() > 1
                || RunByNumber().Count(sql) > 1)
                continue;
            var remedy = match.Value.Contains("USING", StringComparison.OrdinalIgnoreCase) ? $"USING (run, {id})" : "AND a.run = b.run";
            yield return $"a join by {id} alone puts rows of different runs together: every run counts anew. Add {remedy}.";
        }
    }

    /// <summary>A line for each table that SQL asks of a trace's run, and that no line of the trace fills.</summary>
    public static IEnumerable<string> NotShown(string sql, Database database)
    {
        ArgumentNullException.ThrowIfNull(database);
        return UnshownTables.Hints(sql, database);
    }

    /// <summary>Why the SQL can have no rows, where that can be told from it; null: it cannot.</summary>
    public static string? WhyEmpty(string sql, Database database)
    {
        ArgumentNullException.ThrowIfNull(database);
        if (database.Runs.Count == 0)
            return "there is no run in this database yet.";
        var known = database.Runs.ToDictionary(run => run.Run.ToString(CultureInfo.InvariantCulture), StringComparer.Ordinal);
        var missing = RunByNumber().Matches(sql).Select(match => match.Groups["number"].Value.TrimStart('0')).FirstOrDefault(number => !known.ContainsKey(number));
        return missing is null ? UnshownTables.WhyEmpty(sql, database) : $"there is no run {missing}, but {string.Join(", ", database.Runs.Select(run => $"{run.Run} ({run.Name})"))}.";
    }

    /// <summary>Of a trace without the guest's CR3, an answer by process would be NULL without a reason.</summary>
    private static IEnumerable<string> AddressSpaces(string sql, Database database) => !sql.Contains("guest_cr3", StringComparison.Ordinal)
        ? []
        : database.Connection.Query<string>(
            "SELECT r.name FROM capability AS c JOIN run AS r USING (run) WHERE c.fact = 'guest_cr3' AND c.shown = 'no' ORDER BY run")
            .Select(name => $"run {name}: its trace does not show the guest's CR3, so processes of the guest are not told apart. With EPT and NPT a load makes no exit and no tracepoint; on AMD the script of 'replay record host' has a probe that reads it, with EPT nothing does.")
            .Concat(database.Runs.Where(run => run is { CaptureSource: "ftrace" } && run.Mode != "observed" && !run.Options.Contains("companion_of", StringComparison.Ordinal))
                .Select(run => $"run {run.Name}: its capture was made of a trace, which has the guest's physical accesses and not its CR3."));

    [GeneratedRegex(@"\brun\s*==?\s*(?<number>[0-9]+)\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex RunByNumber();

    [GeneratedRegex(@"\b(?<side>\w+)\.run\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex RunOfSide();

    [GeneratedRegex(@"\bJOIN\s+[\w.]+(\s+AS)?(\s+(?!ON\b|USING\b)\w+)?\s+(ON\b|USING\b)\s*(?<condition>.+?)(?=\b(JOIN|LEFT|INNER|CROSS|WHERE|GROUP|ORDER|LIMIT|UNION|HAVING)\b|;|$)", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture | RegexOptions.Singleline)]
    private static partial Regex Join();

    [GeneratedRegex(@"\brun\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex RunWord();
}
