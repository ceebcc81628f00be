using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>Writes the pair of files of one part. Used by one thread.</summary>
/// <remarks>The order that makes parts durable: both files, their directory, then the manifest (<see cref="ManifestFile"/>), each by <see cref="DurableFile"/>.</remarks>
internal sealed class PartWriter : IDisposable
{
    private readonly string _directory;
    private readonly PartFile _accessFile;
    private readonly PartFile _eventFile;
    private readonly AccessFileWriter _accesses;
    private readonly EventFileWriter _events;
    private readonly TouchFileWriter? _touches;
    private readonly int _number;
    private long _first = long.MaxValue;
    private long _last = -1;
    private long _accessCount;
    private long _eventCount;

    public PartWriter(string directory, int number, AccessFileWriter accesses, EventFileWriter events, TouchFileWriter? touches)
    {
        _directory = directory;
        _number = number;
        _touches = touches;
        _accessFile = new PartFile(Path.Combine(directory, CaptureLayout.AccessFile(number)));
        _eventFile = new PartFile(Path.Combine(directory, CaptureLayout.EventFile(number)));
        _accesses = accesses;
        _accesses.Open(_accessFile.Content);
        _events = events;
        _events.Open(_eventFile.Content);
    }

    public void Write(TraceChunk block)
    {
        _accesses.Write(block);
        _touches?.Add(block, _accesses.GroupChecksum);
        _accessCount += block.AccessCount;
        Extend(block.Ordinals[0], block.Ordinals[block.AccessCount - 1]);
    }

    public void Write(AccessBlock block)
    {
        _accesses.Write(block);
        _touches?.Add(block, _accesses.GroupChecksum);
        _accessCount += block.Count;
        Extend(block.FirstOrdinal, block.LastOrdinal);
    }

    public void Write(List<TraceEvent> events)
    {
        _events.Write(events);
        _eventCount += events.Count;
        Extend(events[0].Ordinal, events[^1].Ordinal);
    }

    /// <summary>Puts both files on the disk, whole and under their names. The part counts, and is durable, once a manifest that names it is on the disk too.</summary>
    public CapturePart Close()
    {
        _accesses.Finish();
        _events.Finish();
        _accessFile.Finish();
        _eventFile.Finish();
        _accessFile.Publish();
        _eventFile.Publish();
        if (_touches is not null)
            DurableFile.WriteAside(Path.Combine(_directory, CaptureLayout.TouchFile(_number)), _touches.Finish(_accessFile.Digest()));
        DurableFile.FlushDirectory(_directory);
        return new CapturePart
        {
            AccessFile = _accessFile.Name,
            EventFile = _eventFile.Name,
            AccessSha256 = _accessFile.Digest(),
            EventSha256 = _eventFile.Digest(),
            FirstOrdinal = _last < 0 ? 0 : _first,
            LastOrdinal = _last,
            Accesses = _accessCount,
            Events = _eventCount,
            Bytes = _accessFile.Length + _eventFile.Length,
        };
    }

    /// <summary>Lets go of the files; a part that was not closed stays partial.</summary>
    public void Dispose()
    {
        _accessFile.Dispose();
        _eventFile.Dispose();
    }

    private void Extend(long first, long last)
    {
        _first = Math.Min(_first, first);
        _last = Math.Max(_last, last);
    }
}
