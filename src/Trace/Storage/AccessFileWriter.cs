using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>
/// Writes access files, one after the other, a row group a call: plain Parquet files that any reader opens. They are encoded here and not by
/// Parquet.Net because Parquet.Net has no dictionaries for numbers, which make the file several times smaller and reading several times faster.
/// </summary>
internal sealed class AccessFileWriter : IDisposable
{
    private readonly ColumnChunkWriter _writer;
    private readonly RowGroupEncoder _encoder;
    private readonly List<RowGroupMeta> _groups = [];
    private readonly bool _hasRips;
    private BlockEncoder? _blockEncoder;

    /// <summary>The CRC-32C of the row group written last.</summary>
    public uint GroupChecksum { get; private set; }

    public AccessFileWriter(bool hasRips, Effort effort)
    {
        _hasRips = hasRips;
        _writer = new ColumnChunkWriter(PageCompressor.Create(effort.AccessLevel, effort.IsHasty));
        _encoder = new RowGroupEncoder(_writer, effort);
    }

    public void Open(Stream stream)
    {
        _groups.Clear();
        _writer.Open(stream);
        ParquetFile.Begin(_writer);
    }

    /// <summary>Mostly one row group; more where there are too many pages for one.</summary>
    public void Write(TraceChunk block)
    {
        var most = _encoder.Fits(block, _hasRips) ? block.AccessCount : WideDictionary.MaxEntries;
        for (var from = 0; from < block.AccessCount; from += most)
        {
            _writer.BeginSum();
            _groups.Add(_encoder.Encode(block, from, Math.Min(most, block.AccessCount - from), _hasRips));
            GroupChecksum = _writer.EndSum();
        }
    }

    /// <summary>One row group.</summary>
    public void Write(AccessBlock block)
    {
        _writer.BeginSum();
        _groups.Add((_blockEncoder ??= new BlockEncoder(_writer)).Encode(block, _hasRips));
        GroupChecksum = _writer.EndSum();
    }

    /// <summary>Writes the footer.</summary>
    public void Finish() => ParquetFile.Finish(_writer, new TableMeta("accesses", AccessColumn.All(_hasRips), CaptureLayout.FileMetadata), _groups);

    public void Dispose() => _writer.Dispose();
}
