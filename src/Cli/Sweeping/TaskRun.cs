using System.Diagnostics;
using System.Globalization;
using Replay.Analyzer.Diff.Costs;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;

namespace Replay.Cli.Sweeping;

/// <summary>
/// Runs one task. It may be killed at any time, begun twice, or begun again when it is done: a result is put in its place whole, one process
/// alone works at a task, and what a killed one has done up to its last checkpoint is not done again.
/// </summary>
internal static class TaskRun
{
    private const int GrowthSteps = 20;

    /// <returns>An exit code.</returns>
    public static async Task<int> Run(SweepFolder folder, SweepTask task, Action<string> tell, CancellationToken cancellation)
    {
        if (folder.StateOf(task) == SweepState.Done)
        {
            tell("is done");
            return ExitCode.Done;
        }

        using var taken = folder.TryTake(task);
        if (taken is null)
        {
            tell("another process is at it");
            return ExitCode.Done;
        }

        // Whoever had it before may have finished meanwhile.
        var exitCode = folder.StateOf(task) == SweepState.Done ? ExitCode.Done : await RunLines(folder, task, cancellation).ConfigureAwait(false);
        if (exitCode == ExitCode.Interrupted)
            return exitCode;
        if (exitCode == ExitCode.Done)
            Directory.Delete(folder.WorkOf(task), recursive: true);
        else
            folder.Fail(task, exitCode);
        tell(exitCode == ExitCode.Done ? "done" : $"failed with exit code {exitCode}: {folder.LastLines(task, 1).FirstOrDefault() ?? "it says nothing"}");
        return exitCode;
    }

    private static async Task<int> RunLines(SweepFolder folder, SweepTask task, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var log = new StreamWriter(folder.LogOf(task)) { AutoFlush = true };
        var console = new CliConsole { Out = TextWriter.Null, Error = log, In = TextReader.Null };
        var database = Path.Combine(folder.WorkOf(task), "history.db");
        foreach (var line in Lines(folder, task, database))
        {
            cancellation.ThrowIfCancellationRequested();
            log.WriteLine($"replay {string.Join(' ', line)}");
            var exitCode = await CommandLine.RunAsync([.. line], console).ConfigureAwait(false);
            if (exitCode != ExitCode.Done)
                return exitCode;
        }

        folder.Put(task, Result(task, database, watch.Elapsed));
        return ExitCode.Done;
    }

    /// <summary>The command lines that a task is.</summary>
    private static IEnumerable<List<string>> Lines(SweepFolder folder, SweepTask task, string database)
    {
        var capture = task.Capture ?? Path.Combine(folder.WorkOf(task), $"{task.Workload}-{task.Seed}.capture");
        if (task.Capture is null)
        {
            List<string> record = ["record", "synthetic", "-w", task.Workload!, "--seed", task.Seed.ToString(CultureInfo.InvariantCulture), "-o", capture, "-q", "--force"];
            if (task.MaxAccesses is { } most)
                record.AddRange(["--max-accesses", most.ToString(CultureInfo.InvariantCulture)]);
            record.AddRange(task.Knobs.SelectMany(pair => (string[])["-k", $"{pair.Key}={pair.Value}"]));
            yield return record;
        }

        List<string> run = ["run", capture, "--mmu", task.Mmu, "--kernel", task.Kernel, "--host-pages", task.HostPages, "--threads", "1", "-o", database, "--resume", "-q"];
        if (task.Host.Length > 0)
            run.AddRange(["--host", task.Host]);
        run.AddRange(task.ModuleParams.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(parameter => (string[])["--module-param", parameter]));
        if (task.HostEvents.Length > 0)
            run.AddRange(["--host-events", task.HostEvents]);
        run.AddRange(["--detail", folder.Detail]);
        if (folder.Detail != "counters")
            run.AddRange(["--to", folder.Histories]);
        yield return run;
    }

    private static SweepResult Result(SweepTask task, string path, TimeSpan took)
    {
        using var database = Database.OpenRead(path);
        var run = database.Runs[^1];
        var runner = new QueryRunner(database);
        var counters = new SortedDictionary<string, long>(StringComparer.Ordinal) { ["accesses"] = run.Accesses ?? 0, ["events"] = run.Events ?? 0 };
        foreach (var (name, value) in Rows(runner, $"SELECT name, value FROM counter WHERE run = {run.Run}"))
            counters[name] = value;
        using var process = Process.GetCurrentProcess();
        return new SweepResult
        {
            Key = task.Key,
            HistoryHash = run.HistoryHash ?? "",
            Counters = counters,
            Cost = RunCost.Of(runner, run, CostTable.Default),
            CostUnit = CostTable.Default.Unit,
            Growth = Growth(runner, run),
            Seconds = Math.Round(took.TotalSeconds, 3),
            CpuSeconds = Math.Round(process.TotalProcessorTime.TotalSeconds, 3),
            PeakBytes = process.PeakWorkingSet64,
            Tool = ToolVersion.Text,
        };
    }

    private static List<long> Growth(QueryRunner runner, RunRow run)
    {
        var last = Math.Max(1, (run.LastOrdinal ?? 0) + 1);
        var sums = new long[GrowthSteps];
        foreach (var (ordinal, writes) in Rows(runner, $"SELECT (first_ordinal + last_ordinal) / 2, count FROM activity WHERE run = {run.Run} AND kind = 'write'"))
            sums[Math.Min(GrowthSteps - 1, (int)(long.Parse(ordinal, CultureInfo.InvariantCulture) * (double)GrowthSteps / last))] += writes;
        for (var i = 1; i < sums.Length; i++)
            sums[i] += sums[i - 1];
        return [.. sums];
    }

    private static List<(string Name, long Value)> Rows(QueryRunner runner, string sql)
    {
        using var rows = runner.Execute(sql);
        rows.NextResult();
        var found = new List<(string, long)>();
        while (rows.Read())
            found.Add((rows[0].ToString(), rows[1].Integer));
        return found;
    }
}
