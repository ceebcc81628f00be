using Replay.Trace.Columns;
using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>Reads access files out of memory, a row group a call. Its buffers are reused from file to file.</summary>
internal sealed class AccessFileReader(bool hasRips, int vcpus) : IAccessGroups, IDisposable
{
    private readonly RowGroupDecoder _decoder = new(vcpus);
    private ReadOnlyMemory<byte> _content;
    private RowGroupMeta[] _groups = [];

    public int RowGroups => _groups.Length;

    public long Rows => _groups.Sum(group => (long)group.Rows);

    /// <exception cref="InvalidDataException">Not an access file of a capture.</exception>
    public void Open(ReadOnlyMemory<byte> content)
    {
        _groups = FooterReader.Read(ParquetFile.Footer(content.Span), AccessColumn.All(hasRips));
        _content = content;
    }

    /// <summary>All pages of a row group, which stand side by side.</summary>
    public ReadOnlySpan<byte> BytesOf(int group)
    {
        var (start, end) = _groups[group].Extent;
        return start >= 0 && end >= start && end <= _content.Length ? _content.Span[(int)start..(int)end] : throw new InvalidDataException("a page lies outside its file");
    }

    public int RowsOf(int group) => _groups[group].Rows;

    /// <summary>The last ordinal of a row group, by its statistics.</summary>
    public long LastOrdinal(int group) => _groups[group].LastOrdinal;

    /// <summary>Fills the accesses of a chunk with a row group; its events stay as they are.</summary>
    /// <exception cref="InvalidDataException">The row group is not one of a capture.</exception>
    public void Read(int group, TraceChunk chunk) => _decoder.Decode(_content.Span, _groups[group], chunk, hasRips);

    public void Dispose() => _decoder.Dispose();
}
