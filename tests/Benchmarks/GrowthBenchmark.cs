using System.Diagnostics;
using System.Globalization;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>Time and memory over three decades: of accesses, replayed from a capture; of table writes, stored.</summary>
internal sealed class GrowthBenchmark : IBenchmark
{
    private const int Decades = 3;
    private const long Mebibyte = 1 << 20;

    public string Name => "growth";

    public string Description => "time and memory from a thousandth of it to all: [--input X.capture] [--accesses 1000000000] [--writes 10000000] [--mode ept]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        if (options.Text("input") is { } capture)
        {
            if (!MmuModes.TryParse(options.Text("mode") ?? "ept", out var mode))
                throw new ArgumentException("--mode: no such mode.");
            _ = Replay(capture, mode, 1_000_000); // warms up
            foreach (var accesses in Steps(options.Number("accesses", 1_000_000_000)))
                Tell(output, "accesses", () => Replay(capture, mode, accesses));
        }

        var path = Path.Combine(Path.GetTempPath(), $"replay-growth-{Environment.ProcessId}.db");
        foreach (var writes in Steps(options.Number("writes", 10_000_000)))
            Tell(output, "writes", () => Store(path, writes));
    }

    private static IEnumerable<long> Steps(long all)
    {
        for (var decade = Decades; decade >= 0; decade--)
            yield return all / (long)Math.Pow(10, decade);
    }

    private static void Tell(TextWriter output, string what, Func<long> work)
    {
        var done = 0L;
        var seconds = Cpu.Seconds(() => done = work());
        using var self = Process.GetCurrentProcess();
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{done,13:n0} {what,-8} {seconds,8:0.000} CPU s {seconds / done * 1e9,8:0.0} ns each   at most {self.PeakWorkingSet64 / Mebibyte} MiB so far"));
    }

    private static long Replay(string capture, MmuMode mode, long accesses)
    {
        using var reader = CaptureReader.Open(capture, new CaptureReaderOptions { DecodeAhead = true });
        return ReplaySession.Run(new CutSource(reader, accesses), new ReplayOptions { Mode = mode }, new SilentHistory()).Accesses;
    }

    private static long Store(string path, long writes)
    {
        try
        {
            using var store = HistoryStore.Create(path, LongHistory.Info);
            store.Complete(new LongHistory(store, writes).Play());
        }
        finally
        {
            File.Delete(path);
        }

        return writes;
    }
}
