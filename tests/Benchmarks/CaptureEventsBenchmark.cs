using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>Writing and reading events: mostly page-table stores, as a guest makes that maps and unmaps all the time.</summary>
internal sealed class CaptureEventsBenchmark : IBenchmark
{
    public string Name => "capture-events";

    public string Description => "writing and reading events [--rows 1000000] [--rounds 5]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rows = options.Number("rows", 1_000_000);
        var rounds = options.Number("rounds", 5);
        var directory = Directory.CreateTempSubdirectory("replay-benchmark-").FullName;
        try
        {
            var capture = Path.Combine(directory, "x.capture");
            var stream = Make(rows);
            var bytes = 0L;
            var write = Cpu.Measure(rounds, () => bytes = Write(capture, stream));
            output.WriteLine($"{rows:n0} events, {bytes / (double)rows:f2} bytes an event");
            output.WriteLine($"write             {write.Rate(rows)}");
            output.WriteLine($"read              {Cpu.Measure(rounds, () => Read(capture)).Rate(rows)}");
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static List<TraceChunk> Make(int rows)
    {
        var random = new Random(1);
        var stream = new List<TraceChunk>();
        var chunk = new TraceChunk();
        for (var ordinal = 0; ordinal < rows; ordinal++)
        {
            chunk.Events.Add(Event(ordinal, random));
            if (chunk.Events.Count < 8192 && ordinal + 1 < rows)
                continue;
            stream.Add(chunk);
            chunk = new TraceChunk();
        }
        return stream;
    }

    private static TraceEvent Event(long ordinal, Random random)
    {
        var gpa = ((ulong)random.Next(1000) << 12) | ((ulong)random.Next(512) << 3);
        const ulong Kernel = 0xffff_ffff_8100_0000;
        return random.Next(100) switch
        {
            < 90 => new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.PageTableStore, Flags = AccessFlags.None, Gva = 0xffff_8880_0000_0000 + gpa, Gpa = gpa, Size = 8, Value = ((ulong)random.Next(65536) << 12) | 0x67, Rip = Kernel + (ulong)random.Next(64) },
            < 95 => new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Invlpg, Gva = (ulong)random.Next() << 12, Rip = Kernel },
            < 99 => new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Delivery, Value = 236, Rip = Kernel + (ulong)random.Next(100_000) },
            _ => new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Cr3Write, Value = (ulong)random.Next(100) << 12, Rip = Kernel },
        };
    }

    private static long Write(string directory, List<TraceChunk> stream)
    {
        var manifest = new CaptureManifest { Source = "synthetic", Tool = "benchmark" };
        using var writer = CaptureWriter.Create(directory, manifest, new CaptureWriterOptions { Force = true });
        foreach (var chunk in stream)
            writer.Write(chunk);
        return writer.Complete("benchmark", 0).Parts.Sum(part => part.Bytes);
    }

    private static void Read(string directory)
    {
        using var reader = CaptureReader.Open(directory);
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk))
        {
        }
    }
}
