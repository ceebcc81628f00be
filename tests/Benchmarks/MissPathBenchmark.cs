using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>
/// A guest that touches its memory for the first time, with a history that is stored nowhere. The time is that of the whole replay, the
/// guest kernel's accesses and page-table stores included: what is told per fault is a bound, not the cost of the fault alone.
/// </summary>
internal sealed class MissPathBenchmark : IBenchmark
{
    public string Name => "miss-path";

    public string Description => "faults handled in ept and in shadow, demand paging [--pages 30000] [--iterations 1] [--rounds 5]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 5);
        var source = SyntheticRecorder.Open(new SyntheticOptions
        {
            Workload = "demand-paging",
            Knobs = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["pages"] = $"{options.Number("pages", 30_000)}",
                ["iterations"] = $"{options.Number("iterations", 1)}",
            },
        });
        var chunks = new List<TraceChunk>();
        for (var chunk = new TraceChunk(); source.TryRead(chunk); chunk = new TraceChunk())
            chunks.Add(chunk);

        foreach (var mode in (ReadOnlySpan<MmuMode>)[MmuMode.Ept, MmuMode.EptTdp, MmuMode.Shadow])
        {
            ReplayResult? result = null;
            var time = Cpu.Measure(rounds, () => result = Replay(source.Manifest, chunks, mode));
            output.WriteLine(
                $"{mode.Name(),-8} {time.Median:f3} CPU s, {result!.Faults / time.Median / 1e3:n0} k faults/s, {result.Writes / time.Median / 1e3:n0} k writes/s: {result.Faults:n0} faults, {result.Exits:n0} exits, {result.Writes:n0} writes, "
                + $"{result.Accesses:n0} accesses, {result.Events:n0} events");
        }
    }

    private static ReplayResult Replay(CaptureManifest manifest, List<TraceChunk> chunks, MmuMode mode)
    {
        var session = new ReplaySession(manifest, new ReplayOptions { Mode = mode }, new NoHistory());
        foreach (var chunk in chunks)
            session.Process(chunk);
        return session.Finish();
    }
}
