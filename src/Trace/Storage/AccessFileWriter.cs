using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Storage;

/// <summary>Writes one access file, a row group a call.</summary>
internal sealed class AccessFileWriter(Stream stream, bool hasRips) : IDisposable
{
    private readonly ParquetWriter _writer = Synchronously.Get(ParquetWriter.CreateAsync(AccessSchema.Of(hasRips), stream, AccessSchema.WriteOptions));

    public void Write(TraceChunk block)
    {
        using var group = _writer.CreateRowGroup();
        var count = block.AccessCount;
        Write(group, AccessSchema.Ordinal, block.Ordinals, count);
        Write(group, AccessSchema.Vcpu, block.Vcpus, count);
        Write(group, AccessSchema.Access, block.Kinds, count);
        Write(group, AccessSchema.Flags, block.Flags, count);
        Write(group, AccessSchema.Size, block.Sizes, count);
        Write(group, AccessSchema.Gva, block.Gvas, count);
        Write(group, AccessSchema.Gpa, block.Gpas, count);
        if (hasRips)
            Write(group, AccessSchema.Rip, block.Rips, count);
        group.CompleteValidate();
    }

    /// <summary>Writes the footer. The stream stays open.</summary>
    public void Dispose() => Synchronously.Run(_writer.DisposeAsync());

    private static void Write<T>(ParquetRowGroupWriter group, DataField field, T[] column, int count)
        where T : struct => Synchronously.Run(group.WriteAsync<T>(field, column.AsMemory(0, count)));
}
