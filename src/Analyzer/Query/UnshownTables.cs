using System.Text.RegularExpressions;
using Dapper;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query;

/// <summary>What SQL asks of a trace's run and its lines do not show: an empty or a small answer has another reason there than in a modelled run.</summary>
internal static partial class UnshownTables
{
    /// <summary>Tables of which a run without the fact has no row at all.</summary>
    private static readonly Dictionary<string, string> Whole = new(StringComparer.OrdinalIgnoreCase)
    {
        ["tlb_flush"] = "tlb_flushes",
        ["flush_summary"] = "tlb_flushes",
        ["rmap_change"] = "rmap",
        ["guest_state"] = "guest",
        ["vm_exit"] = "exits",
        ["exit_summary"] = "exits",
        ["fault"] = "faults",
        ["fault_summary"] = "faults",
        ["root_change"] = "roots",
    };

    /// <summary>Tables of which some rows are not there.</summary>
    private static readonly Dictionary<string, string> Partly = new(StringComparer.OrdinalIgnoreCase)
    {
        ["table_write"] = "table_write.",
        ["write_summary"] = "table_write.",
        ["table_write_bits"] = "table_write.",
        ["table_page"] = "table_page",
        ["page_summary"] = "table_page",
        ["page_operation"] = "table_page",
        ["guest_fault"] = "guest_faults",
    };

    private sealed class Unshown
    {
        public string Fact { get; init; } = "";

        public string Source { get; init; } = "";

        public string? Companion { get; init; }
    }

    /// <summary>A line for each table that has nothing of a trace's run.</summary>
    public static IEnumerable<string> Hints(string sql, Database database)
    {
        var words = Words(sql);
        foreach (var run in Observed(sql, database))
        {
            var facts = Facts(run, database);
            foreach (var unshown in facts.Where(unshown => words.Any(word => Whole.GetValueOrDefault(word) == unshown.Fact)))
                yield return $"run {run.Name}: its trace does not show {unshown.Fact} ({unshown.Source}).{Companion(unshown.Companion)}";
            if (words.Contains("access"))
                yield return $"run {run.Name}: a trace shows no accesses but those that faulted: they stand in fault and vm_exit.";
        }
    }

    /// <summary>Why an answer may have no rows; null: nothing that it asks for is hidden, or not of every run that it asks.</summary>
    public static string? WhyEmpty(string sql, Database database)
    {
        var words = Words(sql);
        var asked = Asked(sql, database);
        if (asked.Count == 0 || asked.Any(run => run.Mode != "observed"))
            return null;
        foreach (var run in asked)
        {
            var unshown = Facts(run, database).Where(unshown => words.Any(word => Partly.TryGetValue(word, out var fact) && unshown.Fact.StartsWith(fact, StringComparison.Ordinal))).ToList();
            if (unshown.Count > 0)
                return $"nothing matches, and the trace of run {run.Name} does not show {string.Join(", ", unshown.Select(fact => fact.Fact))} (the view capability has which events do).{Companion(unshown[0].Companion)}";
        }

        return null;
    }

    private static string Companion(string? name) => name is null ? "" : $" Its companion has more: run {name}.";

    private static HashSet<string> Words(string sql) => Word().Matches(sql).Select(match => match.Value).ToHashSet(StringComparer.OrdinalIgnoreCase);

    private static IEnumerable<RunRow> Observed(string sql, Database database) => Asked(sql, database).Where(run => run.Mode == "observed");

    /// <summary>The runs that the SQL names, by number or name; all, where it names none.</summary>
    private static List<RunRow> Asked(string sql, Database database)
    {
        var numbers = RunByNumber().Matches(sql).Select(match => match.Groups["number"].Value.TrimStart('0')).ToHashSet(StringComparer.Ordinal);
        var named = database.Runs.Where(run => numbers.Contains(run.Run.ToString(System.Globalization.CultureInfo.InvariantCulture)) || sql.Contains($"'{run.Name}'", StringComparison.Ordinal)).ToList();
        return named.Count > 0 ? named : [.. database.Runs];
    }

    private static List<Unshown> Facts(RunRow run, Database database) => [.. database.Connection.Query<Unshown>(
        """
        SELECT c.fact AS Fact, c.source AS Source,
          (SELECT f.name FROM trace_of AS t JOIN run AS f ON f.run = t.run WHERE t.trace_run = c.run AND f.run <> c.run LIMIT 1) AS Companion
        FROM capability AS c WHERE c.run = :Run AND c.shown = 'no' ORDER BY c.fact
        """,
        new { run.Run })];

    [GeneratedRegex(@"\b[a-z_]+\b", RegexOptions.IgnoreCase)]
    private static partial Regex Word();

    [GeneratedRegex(@"\brun\s*==?\s*(?<number>[0-9]+)\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex RunByNumber();
}
