using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Cli.Demo;
using Replay.Cli.Replaying;
using Replay.Replayer;

namespace Replay.Cli.Docs;

/// <summary>The README's picture, drawn from a replay of the bundled capture.</summary>
internal static class DemoTimeline
{
    private const int Buckets = 120;

    public static string Svg(CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("replay-docs-");
        try
        {
            var path = Path.Combine(folder.FullName, "demo.db");
            var plan = new ReplayPlan { Capture = DemoCapture.Path, Modes = [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Shadow] };
            using (var file = HistoryFile.Create(path))
                StoredReplay.Run(plan, file, StoreOptions.Default, CheckpointPlan.None, static _ => { }, static (_, _) => { }, cancellation);
            using var database = Database.OpenRead(path);
            var runner = new QueryRunner(database);
            return TimelineSvg.Draw(
                "KVM's writes to its page tables while a Linux kernel boots",
                [.. database.Runs.Select(run => (run.Name, (IReadOnlyList<(long Ordinal, long Writes)>)Points(runner, run)))]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static List<(long Ordinal, long Writes)> Points(QueryRunner runner, RunRow run)
    {
        var first = run.FirstOrdinal ?? 0;
        var width = Math.Max(1, ((run.LastOrdinal ?? 0) - first) / Buckets);
        var parameters = new Dictionary<string, SqlValue>(StringComparer.Ordinal)
        {
            ["run"] = SqlValue.Of(run.Run),
            ["first"] = SqlValue.Of(first),
            ["width"] = SqlValue.Of(width),
        };
        var points = new List<(long Ordinal, long Writes)> { (first, 0) };
        var writes = 0L;
        using var execution = runner.Execute(
            "select (ordinal - :first) / :width, count(*) from table_write where run = :run and actor = 'kvm' group by 1 order by 1", parameters);
        execution.NextResult();
        while (execution.Read())
        {
            writes += execution[1].Integer;
            points.Add((first + ((execution[0].Integer + 1) * width), writes));
        }

        points.Add((run.LastOrdinal ?? first, writes));
        return points;
    }
}
