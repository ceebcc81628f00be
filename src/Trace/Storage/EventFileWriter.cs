using System.Runtime.InteropServices;
using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>Writes event files, one after the other, a row group a call; see <see cref="AccessFileWriter"/>.</summary>
internal sealed class EventFileWriter : IDisposable
{
    private readonly ColumnChunkWriter _writer;
    private readonly EventGroupEncoder _encoder;
    private readonly List<RowGroupMeta> _groups = [];

    public EventFileWriter(Effort effort)
    {
        _writer = new ColumnChunkWriter(PageCompressor.Create(effort.EventLevel, isHasty: false));
        _encoder = new EventGroupEncoder(_writer, effort.WholeByteDeltas);
    }

    public void Open(Stream stream)
    {
        _groups.Clear();
        _writer.Open(stream);
        ParquetFile.Begin(_writer);
    }

    public void Write(List<TraceEvent> events) => _groups.Add(_encoder.Encode(CollectionsMarshal.AsSpan(events)));

    /// <summary>Writes the footer.</summary>
    public void Finish() => ParquetFile.Finish(_writer, new TableMeta("events", EventColumn.All, CaptureLayout.FileMetadata), _groups);

    public void Dispose() => _writer.Dispose();
}
