using System.Buffers.Binary;
using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>
/// Writes access files, one after the other, a row group a call: plain Parquet files that any reader opens. They are encoded here and not by
/// Parquet.Net because Parquet.Net has no dictionaries for numbers, which make the file several times smaller and reading several times faster.
/// </summary>
internal sealed class AccessFileWriter : IDisposable
{
    private readonly ColumnChunkWriter _writer = new();
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
        _writer.WriteRaw(AccessFileReader.Magic);
    }

    public void Write(TraceChunk block) => _groups.Add(_encoder.Encode(block, _hasRips));

    /// <summary>Writes the footer.</summary>
    public void Finish()
    {
        _footer.Clear();
        AccessFooterWriter.Write(_footer, _hasRips, _groups);
        _writer.WriteRaw(_footer.Written);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, _footer.Written.Length);
        _writer.WriteRaw(length);
        _writer.WriteRaw(AccessFileReader.Magic);
    }

    public void Dispose() => _writer.Dispose();
}
