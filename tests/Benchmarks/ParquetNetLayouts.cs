using System.IO.Compression;
using Parquet;
using Parquet.Schema;
using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>What Parquet.Net's own encodings give for the same accesses, in memory: the reason why access files are encoded by hand.</summary>
internal static class ParquetNetLayouts
{
    private static readonly DataField[] Whole = [new DataField<long>("ordinal"), new DataField<byte>("vcpu"), new DataField<byte>("access"), new DataField<byte>("flags"), new DataField<byte>("size"), new DataField<ulong>("gva"), new DataField<ulong>("gpa")];

    private static readonly DataField[] Split = [new DataField<long>("ordinal"), new DataField<byte>("vcpu"), new DataField<byte>("access"), new DataField<byte>("flags"), new DataField<byte>("size"), new DataField<ulong>("gva_page"), new DataField<ulong>("gpa_page"), new DataField<ushort>("page_offset")];

    public static void Run(List<TraceChunk> stream, int rounds, TextWriter output)
    {
        output.WriteLine("Parquet.Net: layout, codec, encoding             bytes    write                      read");
        foreach (var split in new[] { false, true })
        {
            foreach (var method in new[] { CompressionMethod.None, CompressionMethod.Lz4Raw, CompressionMethod.Zstd })
            {
                foreach (var delta in new[] { false, true })
                    Measure(stream, rounds, output, split, method, delta);
            }
        }
    }

    private static void Measure(List<TraceChunk> stream, int rounds, TextWriter output, bool split, CompressionMethod method, bool delta)
    {
        var accesses = stream.Sum(chunk => (double)chunk.AccessCount);
        var fields = split ? Split : Whole;
        var schema = new ParquetSchema(fields);
        var options = new ParquetOptions { CompressionMethod = method, CompressionLevel = CompressionLevel.Fastest };
        if (delta)
        {
            foreach (var field in fields.Where(field => field.ClrType != typeof(byte)))
                options.ColumnEncodingHints[field.Path.ToString()] = EncodingHint.DeltaBinaryPacked;
        }
        using var file = new MemoryStream();
        var write = Cpu.Measure(rounds, () => Write(file, schema, options, stream, split));
        var bytes = file.Length;
        var read = Cpu.Measure(rounds, () => Read(file, fields));
        output.WriteLine($"  {(split ? "page and offset" : "whole addresses"),-16} {method,-8} {(delta ? "delta" : "plain"),-16} {bytes / accesses,10:f3}    {write.Rate(accesses),-25}  {read.Rate(accesses)}");
    }

    private static void Write(MemoryStream file, ParquetSchema schema, ParquetOptions options, List<TraceChunk> stream, bool split)
    {
        file.SetLength(0);
        var writer = ParquetWriter.CreateAsync(schema, file, options).GetAwaiter().GetResult();
        var pages = new ulong[TraceChunk.Capacity];
        var offsets = new ushort[TraceChunk.Capacity];
        foreach (var chunk in stream)
        {
            using var group = writer.CreateRowGroup();
            var count = chunk.AccessCount;
            Column(group, schema.DataFields[0], chunk.Ordinals, count);
            Column(group, schema.DataFields[1], chunk.Vcpus, count);
            Column(group, schema.DataFields[2], chunk.Kinds, count);
            Column(group, schema.DataFields[3], chunk.Flags, count);
            Column(group, schema.DataFields[4], chunk.Sizes, count);
            if (!split)
            {
                Column(group, schema.DataFields[5], chunk.Gvas, count);
                Column(group, schema.DataFields[6], chunk.Gpas, count);
                continue;
            }
            for (var i = 0; i < count; i++)
            {
                pages[i] = chunk.Gvas[i] >> 12;
                offsets[i] = (ushort)(chunk.Gvas[i] & 0xfff);
            }
            Column(group, schema.DataFields[5], pages, count);
            for (var i = 0; i < count; i++)
                pages[i] = chunk.Gpas[i] >> 12;
            Column(group, schema.DataFields[6], pages, count);
            Column(group, schema.DataFields[7], offsets, count);
        }
        writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }

    private static void Read(MemoryStream file, DataField[] fields)
    {
        file.Position = 0;
        var reader = ParquetReader.CreateAsync(file).GetAwaiter().GetResult();
        var longs = new long[TraceChunk.Capacity];
        var words = new ulong[TraceChunk.Capacity];
        var shorts = new ushort[TraceChunk.Capacity];
        var bytes = new byte[TraceChunk.Capacity];
        foreach (var group in reader.RowGroups)
        {
            foreach (var field in fields)
            {
                var task = field.ClrType == typeof(long) ? group.ReadAsync<long>(field, longs)
                    : field.ClrType == typeof(ulong) ? group.ReadAsync<ulong>(field, words)
                    : field.ClrType == typeof(ushort) ? group.ReadAsync<ushort>(field, shorts)
                    : group.ReadAsync<byte>(field, bytes);
                task.AsTask().GetAwaiter().GetResult();
            }
        }
    }

    private static void Column<T>(ParquetRowGroupWriter group, DataField field, T[] values, int count)
        where T : struct => group.WriteAsync<T>(field, values.AsMemory(0, count)).GetAwaiter().GetResult();
}
