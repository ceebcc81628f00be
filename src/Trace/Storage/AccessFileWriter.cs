using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>
/// Writes access files, one after the other, a row group a call: plain Parquet files that any reader opens. They are encoded here and not by
/// Parquet.Net because Parquet.Net has no dictionaries for numbers, which make the file several times smaller and reading several times faster.
/// </summary>
internal sealed class AccessFileWriter : IDisposable
{
    /// <summary>Higher levels save a few percent on pages that are encoded already, and cost half as much time again.</summary>
    private const int Level = 1;

    private readonly ColumnChunkWriter _writer = new(Level);
    private readonly RowGroupEncoder _encoder;
    private readonly CompactWriter _footer = new();
    private readonly List<RowGroupMeta> _groups = [];
    private readonly bool _hasRips;

    public AccessFileWriter(bool hasRips)
    {
        _hasRips = hasRips;
        _encoder = new RowGroupEncoder(_writer);
    }

    public void Open(Stream stream)
    {
        _groups.Clear();
        _writer.Open(stream);
        ParquetFile.Begin(_writer);
    }

    public void Write(TraceChunk block) => _groups.Add(_encoder.Encode(block, _hasRips));

    /// <summary>Writes the footer.</summary>
    public void Finish() => ParquetFile.Finish(_writer, _footer, "accesses", AccessColumn.All(_hasRips), _groups);

    public void Dispose() => _writer.Dispose();
}
