using System.Globalization;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>A history in memory stored in a database, without and with indexes and reports, against the same rows stored by C.</summary>
internal sealed class IngestBenchmark : IBenchmark
{
    public string Name => "ingest";

    public string Description => "storing a history against C with the same SQLite; --input X.capture (ept) or --writes N (500000), --rounds N (5)";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 5);
        var history = new RecordedHistory();
        var summary = options.Text("input") is { } capture ? Replay(capture, history) : new LongHistory(history, options.Number("writes", 500_000)).Play();
        var folder = Directory.CreateTempSubdirectory("replay-benchmark-");
        try
        {
            var path = Path.Combine(folder.FullName, "history.db");
            Store(path, history, summary, StoreOptions.Default);
            var rows = Rows(path);
            output.WriteLine($"{rows:n0} rows, {history.Writes:n0} of them table writes, {new FileInfo(path).Length / (double)rows:f1} bytes a row with indexes");
            using var native = NativeIngest.Prepare(path, folder);

            var counters = new StoreOptions { Detail = DetailLevel.Counters };
            Action[] ours =
            [
                () => Store(path, history, summary, counters),
                () => Store(path, history, null, StoreOptions.Default),
                () => Store(path, history, summary, StoreOptions.Default),
            ];
            var times = ours.Select(_ => new double[rounds]).ToArray();
            var c = Enumerable.Range(0, 2).Select(_ => (Load: new double[rounds], All: new double[rounds])).ToArray();
            for (var round = -1; round < rounds; round++)
            {
                for (var i = 0; i < ours.Length; i++)
                {
                    var seconds = Cpu.Seconds(ours[i]);
                    if (round >= 0)
                        times[i][round] = seconds;
                }

                for (var i = 0; native is not null && i < c.Length && round >= 0; i++)
                {
                    var (load, indexes) = native.Run(i == 0 ? 1 : BulkInsert.RowsPerStatement);
                    (c[i].Load[round], c[i].All[round]) = (load, load + indexes);
                }
            }

            Report("reports only, no rows", times[0]);
            Report("rows, no indexes", times[1]);
            Report("rows, indexes, reports", times[2]);
            if (native is null)
                output.WriteLine("C: not measured, no cc");
            for (var i = 0; native is not null && i < c.Length; i++)
            {
                var each = i == 0 ? "one row a statement" : $"{BulkInsert.RowsPerStatement} rows a statement";
                Report($"C, {each}, no indexes", c[i].Load);
                Report($"C, {each}, indexes", c[i].All);
            }

            void Report(string what, double[] seconds) => output.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"{what,-44} {new Samples(seconds).Median:f3} s  {Rate(new Samples(seconds), rows)}"));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Rate(Samples seconds, long rows) =>
        string.Create(CultureInfo.InvariantCulture, $"{rows / seconds.Median / 1e6:f2} M rows/s ({rows / seconds.Max / 1e6:f2}-{rows / seconds.Min / 1e6:f2})");

    private static RunSummary Replay(string path, RecordedHistory history)
    {
        using var capture = CaptureReader.Open(path);
        var session = new ReplaySession(capture.Manifest, new ReplayOptions { Mode = MmuMode.Ept }, history);
        var chunk = new TraceChunk();
        while (capture.TryRead(chunk))
            session.Process(chunk);
        var result = session.Finish();
        return new RunSummary { HistoryHash = result.HistoryHash, FirstOrdinal = result.FirstOrdinal, LastOrdinal = result.LastOrdinal };
    }

    /// <param name="path">The database to make.</param>
    /// <param name="history">What to store.</param>
    /// <param name="summary">Null: the run stays incomplete, so that neither indexes nor reports are made.</param>
    /// <param name="options">How much of it.</param>
    private static void Store(string path, RecordedHistory history, RunSummary? summary, StoreOptions options)
    {
        using var store = HistoryStore.Create(path, LongHistory.Info, options, overwrite: true);
        history.Play(store);
        if (summary is not null)
            store.Complete(summary);
    }

    private static long Rows(string path)
    {
        using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = string.Join(" UNION ALL ", NativeIngest.Tables.Select(table => $"SELECT count(*) FROM {table}"));
        using var reader = command.ExecuteReader();
        var rows = 0L;
        while (reader.Read())
            rows += reader.GetInt64(0);
        return rows;
    }
}
