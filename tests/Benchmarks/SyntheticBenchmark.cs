using System.Globalization;
using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>How fast synthetic workloads are made, full and through the page filter.</summary>
internal sealed class SyntheticBenchmark : IBenchmark
{
    private const int LongRun = 20_000_000;

    public string Name => "synthetic";

    public string Description => "making synthetic workloads [--workload NAME (default: sequential and zipf)] [--accesses 20000000] [--filter 1024] [--rounds 5]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 5);
        var rule = new FilterRule { Entries = options.Number("filter", 1024), EpochLength = 1 << 20 };
        foreach (var workload in options.Text("workload") is { } one ? [one] : new[] { "sequential", "zipf" })
        {
            var full = Make(workload, options.Number("accesses", LongRun));
            var made = SyntheticRecorder.Record(full, new Nowhere()).AccessesSeen;
            var times = Cpu.Paired(rounds, () => SyntheticRecorder.Record(full, new Nowhere()), () => SyntheticRecorder.Record(full with { Filter = rule }, new Nowhere()));
            output.WriteLine($"{workload}: {made:n0} accesses");
            output.WriteLine($"  full            {times.First.Rate(made)}");
            output.WriteLine($"  filter {rule.Entries,-8} {times.Second.Rate(made)}, {times.Ratio.Median:f2} of the CPU time");
        }
    }

    private static SyntheticOptions Make(string workload, int accesses)
    {
        var knobs = new Dictionary<string, string>(StringComparer.Ordinal);
        if (WorkloadRegistry.Find(workload).AllKnobs.Any(knob => knob.Name == "accesses"))
            knobs["accesses"] = accesses.ToString(CultureInfo.InvariantCulture);
        return new SyntheticOptions { Workload = workload, Knobs = knobs };
    }

    private sealed class Nowhere : ITraceSink
    {
        public void Write(TraceChunk chunk)
        {
        }
    }
}
