using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query.Tree;

/// <summary>What a tree lacks because the trace that its run was read from does not show it.</summary>
/// <param name="What">What is not shown, and which event would.</param>
/// <param name="Companion">The run in which that is filled in; null: there is none.</param>
/// <param name="Remedy">How it is had, where no run has it.</param>
public sealed record TreeGap(string What, string? Companion, string Remedy)
{
    private const string LinksOf =
        """
        SELECT c.source,
          (SELECT f.name FROM trace_of AS t JOIN run AS f ON f.run = t.run WHERE t.trace_run = c.run AND f.run <> c.run LIMIT 1)
        FROM capability AS c WHERE c.run = :run AND c.fact = 'table_write.links' AND c.shown = 'no'
        """;

    private const string GuestOf = "SELECT source, NULL FROM capability WHERE run = :run AND fact = 'guest' AND shown = 'no'";

    private const string Companions = "SELECT 'roots', (SELECT f.name FROM trace_of AS t JOIN run AS f ON f.run = t.run WHERE t.trace_run = :run AND f.run <> :run LIMIT 1)";

    /// <summary>The links between tables; null: the run has them.</summary>
    public static TreeGap? Links(QueryRunner runner, RunRow run)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(run);
        return One(runner, run, LinksOf) is var (source, companion)
            ? new TreeGap($"The trace shows no link between tables ({source} does), so nothing below the root is drawn.", companion, RemedyFor(run, "the links"))
            : null;
    }

    /// <summary>Whose root it is; null: the run tells a nested guest from its hypervisor.</summary>
    public static TreeGap? Guest(QueryRunner runner, RunRow run)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(run);
        return One(runner, run, GuestOf) is var (source, _) ? new TreeGap("The trace does not tell L1 from L2:", null, $"{source}.") : null;
    }

    /// <summary>The root itself; null: the run shows when there is one.</summary>
    public static TreeGap? Root(QueryRunner runner, RunRow run)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(run);
        return run.Mode == "observed" && One(runner, run, Companions) is var (_, companion)
            ? new TreeGap("The trace shows none: a root that was made before the trace begins is in no line of it.", companion, RemedyFor(run, "it"))
            : null;
    }

    public override string ToString() => $"{What} {(Companion is null ? Remedy : $"Its companion has more: --run {Companion}.")}";

    /// <summary>Of shadow paging no capture can be made: the guest's own tables decide.</summary>
    private static string RemedyFor(RunRow run, string what) => run.OptionsByName().GetValueOrDefault("mmu") == "shadow"
        ? "With shadow paging probes alone tell: 'replay record host --print-script' sets them."
        : $"'replay import ftrace TRACE -o X.capture --db DB' fills {what} in.";

    private static (string Source, string? Companion)? One(QueryRunner runner, RunRow run, string sql)
    {
        using var rows = runner.Execute(sql, new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = SqlValue.Of(run.Run) });
        return rows.NextResult() && rows.Read() ? (rows[0].ToString(), rows[1].Kind == SqlValueKind.Null ? null : rows[1].ToString()) : null;
    }
}
