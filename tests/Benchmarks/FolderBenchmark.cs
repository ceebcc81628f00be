using System.Globalization;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>A history in memory written as Parquet, as <c>run --to</c> does it, without the replay that made it.</summary>
internal sealed class FolderBenchmark : IBenchmark
{
    public string Name => "folder";

    public string Description => "writing a history as Parquet; --input X.capture with --mode shadow, or --writes N (4000000); --rounds N (3)";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var history = new RecordedHistory();
        var summary = options.Text("input") is { } capture ? Replay(capture, options.Text("mode") ?? "shadow", history) : new LongHistory(history, options.Number("writes", 4_000_000)).Play();
        var folder = Directory.CreateTempSubdirectory("replay-benchmark-");
        try
        {
            var (rows, bytes) = (0L, 0L);
            var (counters, all, _) = Cpu.Paired(
                options.Number("rounds", 3),
                () => Store(folder.FullName, history, summary, new StoreOptions { Detail = DetailLevel.Counters }),
                () => (rows, bytes) = Store(folder.FullName, history, summary, StoreOptions.Default));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{rows:n0} rows, {history.Writes:n0} of them table writes, {bytes / (double)rows:f1} bytes a row"));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"summaries only       {counters.Median:f2} CPU s"));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"rows and summaries   {all.Median:f2} CPU s  {Rate(rows, all.Median)} ({Rate(rows, all.Max)}-{Rate(rows, all.Min)}) M rows a CPU second"));
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the rows alone       {all.Median - counters.Median:f2} CPU s  {Rate(rows, all.Median - counters.Median)} M rows a CPU second"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Rate(long rows, double seconds) => (rows / seconds / 1e6).ToString("f2", CultureInfo.InvariantCulture);

    private static RunSummary Replay(string path, string name, RecordedHistory history)
    {
        if (!MmuModes.TryParse(name, out var mode))
            throw new ArgumentException("--mode: no such mode.");
        using var capture = CaptureReader.Open(path);
        var result = ReplaySession.Run(capture, new ReplayOptions { Mode = mode }, history);
        return new RunSummary { HistoryHash = result.HistoryHash, FirstOrdinal = result.FirstOrdinal, LastOrdinal = result.LastOrdinal };
    }

    private static (long Rows, long Bytes) Store(string folder, RecordedHistory history, RunSummary summary, StoreOptions options)
    {
        var place = Path.Combine(folder, "parts");
        if (Directory.Exists(place))
            Directory.Delete(place, recursive: true);
        using var parts = new HistoryParts(place, areOnly: true);
        using (var file = HistoryFile.Create(Path.Combine(folder, "history.db"), overwrite: true, parts: parts))
        using (var store = file.BeginRun(LongHistory.Info, options))
        {
            history.Play(store);
            store.Complete(summary);
        }

        return (parts.Rows, new DirectoryInfo(place) is { Exists: true } made ? made.EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length) : 0);
    }
}
