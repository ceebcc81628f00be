using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>Gives what is recorded its place in the stream, and hands it over in chunks.</summary>
/// <param name="sink">Takes the chunks.</param>
internal sealed class CaptureStream(ITraceSink sink)
{
    /// <summary>Few enough to stay in the cache between one step and the next.</summary>
    private const int MaxRows = 4096;

    private readonly TraceChunk _chunk = new() { HasRips = true };
    private long _next;

    public long Accesses { get; private set; }

    public long Events { get; private set; }

    /// <summary>Accesses of the guest, whether they are rows of the one kind or the other.</summary>
    public long AccessesSeen { get; private set; }

    public void Add(AccessKind kind, AccessFlags flags, ulong gva, ulong gpa, int size, ulong rip)
    {
        _chunk.Add(_next++, 0, kind, flags, gva, gpa, (byte)size, rip);
        Accesses++;
        AccessesSeen++;
        WriteIfFull();
    }

    /// <summary>Adds an event; the ordinal it comes with does not count.</summary>
    public void Add(in TraceEvent row)
    {
        _chunk.Events.Add(row with { Ordinal = _next++ });
        Events++;
        if (row.Kind is TraceEventKind.PageTableStore or TraceEventKind.Mmio or TraceEventKind.ImplicitAccess or TraceEventKind.NestedAccess)
            AccessesSeen++;
        WriteIfFull();
    }

    public void Write()
    {
        if (_chunk.AccessCount == 0 && _chunk.Events.Count == 0)
            return;
        sink.Write(_chunk);
        _chunk.Clear();
    }

    private void WriteIfFull()
    {
        if (_chunk.AccessCount == MaxRows || _chunk.Events.Count == MaxRows)
            Write();
    }
}
