using Replay.Replayer;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>A capture replayed from its file: one mode, two in one pass, two passes, and a loop in C over the same stream.</summary>
internal sealed class ReplayBenchmark : IBenchmark
{
    public string Name => "replay";

    public string Description => "a capture from file, one mode and two, against C; --input X.capture [--accesses 100000000] [--rounds 3]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var capture = options.Text("input") ?? throw new ArgumentException("--input X.capture is missing.");
        var cap = options.Number("accesses", 100_000_000);
        var rounds = options.Number("rounds", 3);
        var accesses = Replay(capture, cap, MmuMode.Ept);
        output.WriteLine($"{accesses:n0} accesses");

        var decode = Cpu.Measure(rounds, () => Replay(capture, cap));
        var one = Cpu.Measure(rounds, () => Replay(capture, cap, MmuMode.Ept));
        output.WriteLine($"decode only            {decode.Rate(accesses)}");
        output.WriteLine($"ept                    {one.Rate(accesses)}");
        var (apart, together, ratio) = Cpu.Paired(
            rounds,
            () =>
            {
                Replay(capture, cap, MmuMode.Ept);
                Replay(capture, cap, MmuMode.EptTdp);
            },
            () => Replay(capture, cap, MmuMode.Ept, MmuMode.EptTdp));
        output.WriteLine($"ept, ept-tdp, 2 passes {apart.Rate(2.0 * accesses)}");
        output.WriteLine($"ept, ept-tdp, 1 pass   {together.Rate(2.0 * accesses)}, {1 / ratio.Median:f2} x two passes");

        using var reader = CaptureReader.Open(capture);
        if (NativeWalk.Measure(new CutSource(reader, cap), rounds) is not { } native)
            output.WriteLine("C                      not measured: no cc");
        else
            output.WriteLine($"C, memory-mapped       {native.Rate(accesses)}, {one.Median / native.Median:f2} x as fast as ept; {(one.Median - decode.Median) / native.Median:f2} x without decoding");
    }

    private static long Replay(string capture, long cap, params ReadOnlySpan<MmuMode> modes)
    {
        using var reader = CaptureReader.Open(capture);
        var source = new CutSource(reader, cap);
        var sessions = new List<ReplaySession>();
        foreach (var mode in modes)
            sessions.Add(new ReplaySession(reader.Manifest, new ReplayOptions { Mode = mode }, new SilentHistory()));
        var chunk = new TraceChunk();
        var firstTouches = modes.Length > 1 ? new FirstTouches() : null;
        var accesses = 0L;
        while (source.TryRead(chunk))
        {
            accesses += chunk.AccessCount;
            firstTouches?.Find(chunk);
            foreach (var session in sessions)
                session.Process(chunk, firstTouches);
        }

        foreach (var session in sessions)
            session.Finish();
        return accesses;
    }
}
