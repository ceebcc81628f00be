using System.Diagnostics;
using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;

namespace Replay.Benchmarks;

/// <summary>Time travel and canned queries on a long history.</summary>
internal sealed class QueriesBenchmark : IBenchmark
{
    private const double EnoughSeconds = 0.05;

    public string Name => "queries";

    public string Description => "Every canned query and time travel, CPU time each: --writes 10000000, --database FILE (kept and used again)";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var writes = options.Number("writes", 10_000_000);
        var kept = options.Text("database");
        var path = kept ?? Path.Combine(Path.GetTempPath(), $"replay-queries-{Environment.ProcessId}.db");
        try
        {
            if (kept is null || !File.Exists(path))
                Make(path, writes, output);
            Measure(path, output);
        }
        finally
        {
            if (kept is null)
                File.Delete(path);
        }
    }

    private static void Make(string path, long writes, TextWriter output)
    {
        var before = Environment.CpuUsage.TotalTime;
        using (var store = HistoryStore.Create(path, LongHistory.Info))
        {
            var history = new LongHistory(store, writes);
            store.Complete(history.Play());
        }

        var seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"stored {writes} table writes (and their exits, faults, accesses) in {seconds:0.0} CPU s, {new FileInfo(path).Length / 1048576} MiB"));
    }

    private static void Measure(string path, TextWriter output)
    {
        using (Database.OpenRead(path))
        {
        }

        Report(output, "open", Time(() =>
        {
            using var opened = Database.OpenRead(path);
            return opened.Runs.Count;
        }));
        using var database = Database.OpenRead(path);
        var runner = new QueryRunner(database);
        var middle = database.Runs[0].LastOrdinal!.Value / 2;
        var hot = Row(runner, "SELECT table_id, idx FROM hot_entry ORDER BY writes DESC LIMIT 1");
        var cold = Row(runner, "SELECT table_id, idx FROM hot_entry ORDER BY writes LIMIT 1");
        var zap = Row(runner, $"SELECT ordinal FROM page_operation WHERE ordinal > {middle} AND operation = 'zap' LIMIT 1");
        var event_ = Row(runner, $"SELECT ordinal FROM fault WHERE run = 1 AND ordinal > {middle} LIMIT 1");
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["entry-at"] = $"table_id={hot[0]} idx={hot[1]} ordinal={middle}",
            ["table-at"] = $"table_id={hot[0]} ordinal={middle}",
            ["pml4-at"] = $"ordinal={middle}",
            ["mapping-at"] = $"address=0xe64000 ordinal={middle}",
            ["nested-mapping-at"] = $"gva=0x400000 ordinal={middle}",
            ["why-entry"] = $"table_id={cold[0]} idx={cold[1]}",
            ["why-gfn"] = "gfn=0x7fff0",
            ["who-zapped"] = "gfn=0x7fff0",
            ["why-gva"] = "gva=0xffff8880fff00000",
            ["what-happened-at"] = $"ordinal={event_[0]}",
            ["diff-summary"] = "a=1 b=1",
            ["zap-victims"] = $"ordinal={zap[0]}",
            ["writes-to-range"] = "from=0x7fff0000 to=0x7fff0fff",
        };
        foreach (var query in CannedQueries.All)
        {
            var values = arguments.GetValueOrDefault(query.Name, "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
            Report(output, $"@{query.Name} {arguments.GetValueOrDefault(query.Name)}", Time(() =>
            {
                using var execution = runner.Execute(query, values);
                return Drain(execution);
            }));
        }

        var reader = new TableTreeReader(runner, database.Runs[0], middle);
        var root = reader.FindRoot(0)!;
        Report(output, "tree --gpa 0xe64000", Time(() => reader.ReadPath(root.TableId, 0xe64000).Level));
        Report(output, "tree", Time(() => reader.ReadTable(root.TableId, 3, 8).Entries!.Count));
        Report(output, "tree --depth 3 --entries 0 (all 2,054 tables)", Time(() => reader.ReadTable(root.TableId, 3).Entries!.Count));
    }

    private static string[] Row(QueryRunner runner, string sql)
    {
        using var execution = runner.Execute(sql);
        execution.NextResult();
        return execution.Read() ? [.. Enumerable.Range(0, execution.Columns.Count).Select(i => execution[i].ToString())] : throw new InvalidOperationException(sql);
    }

    private static long Drain(QueryExecution execution)
    {
        var rows = 0L;
        while (execution.NextResult())
        {
            while (execution.Read())
            {
                for (var i = 0; i < execution.Columns.Count; i++)
                    _ = execution[i];
                rows++;
            }
        }

        return rows;
    }

    /// <returns>CPU milliseconds of one, and what it returned; after one that warms up.</returns>
    private static (double Milliseconds, double First, long Result) Time(Func<long> action)
    {
        var watch = Stopwatch.StartNew();
        var result = action();
        var first = watch.Elapsed.TotalMilliseconds;
        var before = Environment.CpuUsage.TotalTime;
        var times = 0;
        double seconds;
        do
        {
            action();
            times++;
            seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        }
        while (seconds < EnoughSeconds);
        return (seconds * 1000 / times, first, result);
    }

    private static void Report(TextWriter output, string what, (double Milliseconds, double First, long Result) time) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-60} {time.Milliseconds,9:0.000} ms   first {time.First,8:0.0} ms wall   {time.Result,8} rows"));
}
