using Replay.Trace.Columns;
using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>Reads event files out of memory, a row group a call. Its buffers are reused from file to file.</summary>
internal sealed class EventFileReader(int vcpus, int version) : IDisposable
{
    private readonly EventGroupDecoder _decoder = new(vcpus);
    private ReadOnlyMemory<byte> _content;
    private RowGroupMeta[] _groups = [];

    public int RowGroups => _groups.Length;

    public long Rows => _groups.Sum(group => (long)group.Rows);

    /// <exception cref="InvalidDataException">Not an event file of a capture.</exception>
    public void Open(ReadOnlyMemory<byte> content)
    {
        _groups = FooterReader.Read(ParquetFile.Footer(content.Span), EventColumn.Of(version));
        _content = content;
    }

    /// <summary>The last ordinal of a row group, by its statistics.</summary>
    public long LastOrdinal(int group) => _groups[group].LastOrdinal;

    /// <summary>Whether a row group can have an event at the pages that are sought, by its dictionaries.</summary>
    public bool MayHold(int group, AccessSearch search) =>
        (search.GpaPages is null && search.GvaPages is null)
        || search.MayBeIn(_decoder.PagesOf(_content.Span, EventColumn.GvaPage, _groups[group].Columns[5]), _decoder.PagesOf(_content.Span, EventColumn.GpaPage, _groups[group].Columns[6]));

    /// <summary>Whether a row group has an event of a kind, by its dictionary.</summary>
    public bool Holds(int group, TraceEventKind kind) => _decoder.Holds(_content.Span, _groups[group].Columns[1], kind);

    /// <summary>Appends the rows of a row group.</summary>
    /// <exception cref="InvalidDataException">The row group is not one of a capture.</exception>
    public void Read(int group, List<TraceEvent> events) => _decoder.Decode(_content.Span, _groups[group], events);

    public void Dispose() => _decoder.Dispose();
}
