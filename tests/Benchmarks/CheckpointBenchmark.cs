using System.Diagnostics;
using System.Globalization;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>What one checkpoint costs: a capture replayed into a database with a checkpoint every so many accesses, and with none.</summary>
internal sealed class CheckpointBenchmark : IBenchmark
{
    public string Name => "checkpoint";

    public string Description => "CPU time of one checkpoint; --input X.capture [--accesses 100000000] [--every 1000000] [--rounds 5]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var capture = options.Text("input") ?? throw new ArgumentException("--input X.capture is missing.");
        var cap = options.Number("accesses", 100_000_000);
        var every = options.Number("every", 1_000_000);
        var folder = Directory.CreateTempSubdirectory("replay-benchmark-");
        try
        {
            foreach (var mode in (ReadOnlySpan<MmuMode>)[MmuMode.Ept, MmuMode.EptTdp, MmuMode.Shadow])
                Measure(mode);
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        void Measure(MmuMode mode)
        {
            var path = Path.Combine(folder.FullName, "x.db");
            var (count, bytes, ours) = (0, 0L, TimeSpan.Zero);
            var (without, with, ratio) = Cpu.Paired(
                options.Number("rounds", 5),
                () => Replay(capture, cap, mode, path, long.MaxValue),
                () => (count, bytes, ours) = Replay(capture, cap, mode, path, every));
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{mode.Name(),-8} {without.Median:f2} s without, {(ratio.Median - 1) * 100:f1} % more with {count} checkpoints: {(with.Median - without.Median) / count * 1000:f1} ms of CPU time each, {ours.TotalMilliseconds / count:f1} ms wall of them in the replay's thread, {bytes / 1048576.0:f1} MiB"));
        }
    }

    /// <returns>How many checkpoints there were, the length of the last, and how long the replay stood still for them.</returns>
    private static (int Count, long Bytes, TimeSpan Time) Replay(string capture, long cap, MmuMode mode, string path, long every)
    {
        using var reader = CaptureReader.Open(capture);
        var source = new CutSource(reader, cap);
        using var file = HistoryFile.Create(path, overwrite: true);
        using var store = file.BeginRun(LongHistory.Info with { Mode = mode });
        var session = new ReplaySession(reader.Manifest, new ReplayOptions { Mode = mode }, store);
        var chunk = new TraceChunk();
        var (accesses, next, count, bytes, time) = (0L, every, 0, 0L, 0L);
        while (source.TryRead(chunk))
        {
            session.Process(chunk);
            accesses += chunk.AccessCount;
            if (accesses < next)
                continue;
            next += every;
            count++;
            var start = Stopwatch.GetTimestamp();
            file.Save(accesses, [store], [session]);
            time += Stopwatch.GetTimestamp() - start;
        }

        if (count > 0)
        {
            file.Save(accesses, [store], [session]);
            count++;
            while (file.IsSaving)
                Thread.Sleep(1);
            bytes = Directory.GetFiles(Path.GetDirectoryName(path)!, "*.partial.checkpoint-*").Max(name => new FileInfo(name).Length);
        }

        var result = session.Finish();
        store.Complete(new RunSummary { HistoryHash = result.HistoryHash, FirstOrdinal = result.FirstOrdinal, LastOrdinal = result.LastOrdinal });
        return (count, bytes, Stopwatch.GetElapsedTime(0, time));
    }
}
