using System.Globalization;
using Parquet;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>Writing and reading captures: bytes an access, column by column, and rates, beside what Parquet.Net alone would give.</summary>
internal sealed class CaptureBenchmark : IBenchmark
{
    public string Name => "capture";

    public string Description => "writing and reading captures [--rows 20000000] [--input X.capture] [--rounds 5] [--alternatives yes]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 5);
        var (stream, manifest) = Load(options);
        var accesses = stream.Sum(chunk => (long)chunk.AccessCount);
        output.WriteLine($"{(options.Text("input") is { } input ? Path.GetFileName(input) : "synthetic")}: {accesses:n0} accesses, {stream.Sum(chunk => (long)chunk.Events.Count):n0} events");
        var directory = Directory.CreateTempSubdirectory("replay-benchmark-").FullName;
        try
        {
            var capture = Path.Combine(directory, "x.capture");
            var written = manifest;
            var write = Cpu.Measure(rounds, () => written = Write(capture, stream, manifest));
            output.WriteLine($"bytes an access   {BytesPer(written, accesses):f3}");
            Columns(capture, written, accesses, output);
            output.WriteLine($"write             {write.Rate(accesses)}");
            output.WriteLine($"verify only       {Cpu.Measure(rounds, () => Verify(capture)).Rate(accesses)}");
            var read = Cpu.Paired(rounds, () => Read(capture, ahead: false), () => Read(capture, ahead: true));
            output.WriteLine($"read              {read.First.Rate(accesses)}");
            output.WriteLine($"read ahead        {read.Second.Rate(accesses)}, {read.Ratio.Median:f2} of the CPU time");
            output.WriteLine($"allocated         {Allocated(capture) / (double)accesses:f4} bytes an access once running");
            if (options.Text("alternatives") is not null)
                ParquetNetLayouts.Run(stream, rounds, output);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static (List<TraceChunk> Stream, CaptureManifest Manifest) Load(BenchmarkOptions options)
    {
        using var reader = options.Text("input") is { } input ? CaptureReader.Open(input) : null;
        var source = (ITraceSource?)reader ?? new SyntheticStream(options.Number("rows", 20_000_000), seed: 1);
        var limit = options.Number("rows", 20_000_000);
        var stream = new List<TraceChunk>();
        for (var chunk = new TraceChunk(); limit > 0 && source.TryRead(chunk); chunk = new TraceChunk())
        {
            stream.Add(chunk);
            limit -= chunk.AccessCount;
        }
        return (stream, source.Manifest);
    }

    private static CaptureManifest Write(string directory, List<TraceChunk> stream, CaptureManifest manifest)
    {
        using var writer = CaptureWriter.Create(directory, manifest, new CaptureWriterOptions { Force = true });
        var accesses = 0L;
        foreach (var chunk in stream)
        {
            writer.Write(chunk);
            accesses += chunk.AccessCount;
        }
        return writer.Complete("benchmark", accesses);
    }

    private static void Verify(string directory)
    {
        using var reader = CaptureReader.Open(directory);
        reader.Verify();
    }

    private static long Read(string directory, bool ahead)
    {
        using var reader = CaptureReader.Open(directory, new CaptureReaderOptions { DecodeAhead = ahead });
        var chunk = new TraceChunk();
        var rows = 0L;
        while (reader.TryRead(chunk))
            rows += chunk.AccessCount;
        return rows;
    }

    /// <summary>What reading allocates after the first part, whose buffers serve the others.</summary>
    private static long Allocated(string directory)
    {
        using var reader = CaptureReader.Open(directory);
        var chunk = new TraceChunk();
        var start = reader.Manifest.Parts.Count > 1 ? reader.Manifest.Parts[1].FirstOrdinal : 0;
        long? before = null;
        while (reader.TryRead(chunk))
        {
            if (before is null && chunk.AccessCount > 0 && chunk.Ordinals[0] >= start)
                before = GC.GetTotalAllocatedBytes(precise: true);
        }
        return GC.GetTotalAllocatedBytes(precise: true) - (before ?? 0);
    }

    private static double BytesPer(CaptureManifest manifest, long accesses) => manifest.Parts.Sum(part => part.Bytes) / (double)accesses;

    private static void Columns(string capture, CaptureManifest manifest, long accesses, TextWriter output)
    {
        var bytes = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var part in manifest.Parts)
        {
            using var file = File.OpenRead(Path.Combine(capture, part.AccessFile));
            var reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
            foreach (var column in reader.Metadata!.RowGroups.SelectMany(group => group.Columns))
            {
                var name = column.MetaData!.PathInSchema[0];
                bytes[name] = bytes.GetValueOrDefault(name) + column.MetaData.TotalCompressedSize;
            }
        }
        foreach (var (name, count) in bytes)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {name,-16}{(double)count / accesses:f3}"));
    }
}
