using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Storage;

/// <summary>Reads one access file out of memory, a row group a call.</summary>
internal sealed class AccessFileReader
{
    private readonly ParquetReader _reader;
    private readonly bool _hasRips;

    public AccessFileReader(Stream content, bool hasRips)
    {
        _hasRips = hasRips;
        _reader = Synchronously.Get(ParquetReader.CreateAsync(content));
        if (!_reader.Schema.Equals(AccessSchema.Of(hasRips)))
            throw new InvalidDataException("its columns are not those of this capture");
    }

    public int RowGroups => _reader.RowGroupCount;

    public long Rows => _reader.RowGroups.Sum(group => group.RowCount);

    /// <summary>The last ordinal of a row group, by its statistics.</summary>
    public long LastOrdinal(int group) =>
        _reader.RowGroups[group].GetStatistics(AccessSchema.Ordinal)?.MaxValue is long last ? last : throw new InvalidDataException("the ordinals have no statistics");

    /// <summary>Fills the accesses of a chunk with a row group; its events stay as they are.</summary>
    public void Read(int group, TraceChunk chunk)
    {
        var rows = _reader.OpenRowGroupReader(group);
        if (rows.RowCount > TraceChunk.Capacity)
            throw new InvalidDataException($"row group {group} has {rows.RowCount} rows, more than {TraceChunk.Capacity}");
        Read(rows, AccessSchema.Ordinal, chunk.Ordinals);
        Read(rows, AccessSchema.Vcpu, chunk.Vcpus);
        Read(rows, AccessSchema.Access, chunk.Kinds);
        Read(rows, AccessSchema.Flags, chunk.Flags);
        Read(rows, AccessSchema.Size, chunk.Sizes);
        Read(rows, AccessSchema.Gva, chunk.Gvas);
        Read(rows, AccessSchema.Gpa, chunk.Gpas);
        if (_hasRips)
            Read(rows, AccessSchema.Rip, chunk.Rips);
        chunk.HasRips = _hasRips;
        chunk.AccessCount = (int)rows.RowCount;
    }

    private static void Read<T>(ParquetRowGroupReader rows, DataField field, T[] column)
        where T : struct => Synchronously.Run(rows.ReadAsync<T>(field, column));
}
