using System.Globalization;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Trace;
using Replay.Trace.Touches;

namespace Replay.Benchmarks;

/// <summary>A capture of every access, replayed by its touch index and without, and searched: in turn, so that the ratios hold where the times do not.</summary>
internal sealed class IndexBenchmark : IBenchmark
{
    private const int SearchSeed = 7;

    public string Name => "index";

    public string Description => "replays and searches by the index against reading every access [--input X.capture] [--accesses 2000000, without --input] [--pages 100] [--rounds 3]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 3);
        var folder = options.Text("input") is null ? Directory.CreateTempSubdirectory("replay-index-") : null;
        try
        {
            var capture = options.Text("input") ?? Make(Path.Combine(folder!.FullName, "x.capture"), options.Number("accesses", 2_000_000));
            Replays(capture, rounds, output, MmuMode.Ept);
            Replays(capture, rounds, output, MmuModes.All.ToArray());
            Searches(capture, options.Number("pages", 100), output);
        }
        finally
        {
            folder?.Delete(recursive: true);
        }
    }

    private static void Replays(string capture, int rounds, TextWriter output, params MmuMode[] modes)
    {
        var (accesses, hashes) = Replay(capture, byIndex: false, modes);
        var (_, indexed) = Replay(capture, byIndex: true, modes);
        if (!hashes.SequenceEqual(indexed))
            throw new InvalidOperationException("The histories differ.");
        var (every, touches, ratio) = Cpu.Paired(rounds, () => Replay(capture, byIndex: false, modes), () => Replay(capture, byIndex: true, modes));
        var name = modes.Length == 1 ? modes[0].Name() : $"{modes.Length} modes, one pass";
        output.WriteLine($"{name}: every access {every.Rate((double)accesses * modes.Length)}, by the index {touches.Rate((double)accesses * modes.Length)}, {1 / ratio.Median:f1} x");
    }

    private static (long Accesses, string[] Hashes) Replay(string capture, bool byIndex, MmuMode[] modes)
    {
        using var reader = CaptureReader.Open(capture, new CaptureReaderOptions { TouchesOnly = byIndex });
        var sessions = modes.Select(mode => new ReplaySession(reader.Manifest, new ReplayOptions { Mode = mode }, new SilentHistory())).ToList();
        var firstTouches = new FirstTouches();
        var chunk = new TraceChunk();
        var accesses = 0L;
        while (reader.TryRead(chunk))
        {
            accesses += chunk.RowCount;
            if (chunk.Touched is null && modes.Length > 1)
                firstTouches.Find(chunk);
            foreach (var session in sessions)
                session.Process(chunk, modes.Length > 1 ? firstTouches : null);
        }

        return (accesses, [.. sessions.Select(session => session.Finish().HistoryHash)]);
    }

    /// <summary>Stores to each of some pages, chosen among all that the capture's index has.</summary>
    private static void Searches(string capture, int count, TextWriter output)
    {
        var pages = Pages(capture);
        var random = new Random(SearchSeed);
        var sought = Enumerable.Range(0, count).Select(_ => pages[random.Next(pages.Length)]).ToArray();
        long accesses;
        using (var reader = CaptureReader.Open(capture))
            accesses = reader.Manifest.Parts.Sum(part => part.Accesses);
        Stores(capture, sought[0]);
        var read = 0L;
        var seconds = Cpu.Seconds(() =>
        {
            foreach (var page in sought)
                read += Stores(capture, page);
        });
        output.WriteLine($"stores to one of {pages.Length:n0} pages, {count} searches: {accesses * count / seconds / 1e6:n0} M accesses/s, {seconds / count * 1e3:f0} ms each; {(double)read / count / accesses:p2} of the accesses read");
    }

    private static long Stores(string capture, ulong page)
    {
        using var reader = CaptureReader.Open(capture, new CaptureReaderOptions { Search = new AccessSearch((page, page), null, WritesOnly: true) });
        var chunk = new TraceChunk();
        var read = 0L;
        while (reader.TryRead(chunk))
            read += chunk.AccessCount;
        return read;
    }

    private static ulong[] Pages(string capture)
    {
        using var reader = CaptureReader.Open(capture, new CaptureReaderOptions { TouchesOnly = true });
        var pages = new HashSet<ulong>();
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk))
        {
            for (var i = 0; i < chunk.AccessCount; i++)
                pages.Add(chunk.Gpas[i] >> 12);
        }

        return [.. pages.Order()];
    }

    private static string Make(string capture, int accesses)
    {
        var knobs = new Dictionary<string, string>(StringComparer.Ordinal) { ["accesses"] = accesses.ToString(CultureInfo.InvariantCulture) };
        var source = new SyntheticSource(new SyntheticOptions { Workload = "sequential", Knobs = knobs });
        using var writer = CaptureWriter.Create(capture, source.Manifest);
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
            writer.Write(chunk);
        writer.Complete("guest-exit", accesses);
        return capture;
    }
}
