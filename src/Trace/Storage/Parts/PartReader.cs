using System.Runtime.InteropServices;
using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>Reads one part: merges its two files into chunks. Used for one part after the other, so that its buffers are reused.</summary>
internal sealed class PartReader(string directory, CaptureManifest manifest, WholeRowGroups whole) : IDisposable
{
    /// <summary>Events a chunk may hold, about.</summary>
    private const int ChunkEvents = 8192;

    /// <summary>In one part out of so many a row group is read whole, to see that the index tells of it what is so.</summary>
    private const int SampledParts = 4;

    private readonly PartContent _accessContent = new();
    private readonly PartContent _eventContent = new();
    private readonly TraceChunk _accesses = new();
    private readonly List<TraceEvent> _events = [];
    private readonly AccessFileReader _accessFile = new(manifest.HasRips, manifest.Vcpus);
    private readonly TouchFileReader _touchFile = new(manifest.HasRips, manifest.Vcpus, whole);
    private readonly EventFileReader _eventFile = new(manifest.Vcpus, manifest.Version);
    private readonly RowGroupFile _single = new(manifest.HasRips, manifest.Vcpus);
    private bool _isByIndex;
    private SearchedGroups? _searched;
    private AccessSearch? _search;
    private CapturePart _part = new() { AccessFile = "", EventFile = "", AccessSha256 = "", EventSha256 = "" };
    private int _number;
    private int _accessGroup;
    private int _eventGroup;
    private int _nextAccess;
    private int _nextEvent;
    private long _lastOrdinal;

    private string AccessPath => Path.Combine(directory, _part.AccessFile);

    private string TouchPath => Path.Combine(directory, CaptureLayout.TouchFile(_number));

    private IAccessGroups Groups => _searched ?? (_isByIndex ? (IAccessGroups)_touchFile : _accessFile);

    private string EventPath => Path.Combine(directory, _part.EventFile);

    /// <summary>Why the touch index of the part is not used, where one was to be and is there.</summary>
    public string? IndexProblem { get; private set; }

    /// <summary>Loads and checks both files, or the index instead of the accesses.</summary>
    /// <param name="number">Of the part.</param>
    /// <param name="byIndex">Read touches alone where the part has an index of them.</param>
    /// <param name="search">Leave out row groups that have nothing of what is sought, where an index tells them.</param>
    /// <exception cref="CaptureFormatException">Missing, damaged or foreign.</exception>
    public void Open(int number, bool byIndex, AccessSearch? search = null)
    {
        var part = manifest.Parts[number];
        _part = part;
        _number = number;
        IndexProblem = null;
        _accessGroup = _eventGroup = 0;
        _nextAccess = _nextEvent = 0;
        _accesses.Clear();
        _events.Clear();
        _lastOrdinal = part.FirstOrdinal - 1;
        _search = search;
        _searched = null;
        _isByIndex = (byIndex || search is not null) && OpenIndex();
        if (_isByIndex && search is not null)
            Guard(TouchPath, () => _searched = new SearchedGroups(_touchFile, search, _single, AccessPath));
        else if (_isByIndex && number % SampledParts == 0)
            Sample(number / SampledParts % Math.Max(1, _touchFile.RowGroups));
        if (!_isByIndex)
            OpenAccesses();
        var events = _eventContent.Load(EventPath, part.EventSha256);
        Guard(EventPath, () => _eventFile.Open(events));
        if (Groups.Rows != part.Accesses)
            throw Unexpected(_isByIndex ? TouchPath : AccessPath, $"{Groups.Rows} accesses where the manifest says {part.Accesses}");
        if (_eventFile.Rows != part.Events)
            throw Unexpected(EventPath, $"{_eventFile.Rows} events where the manifest says {part.Events}");
    }

    /// <summary>Holds the index against one row group, all of whose accesses are read for it.</summary>
    private void Sample(int group)
    {
        if (_touchFile.RowGroups == 0)
            return;
        Guard(TouchPath, () => _touchFile.Read(group, _accesses));
        whole.Check(_accesses, _accesses.Touched!);
        _accesses.Clear();
    }

    private void OpenAccesses()
    {
        var accesses = _accessContent.Load(AccessPath, _part.AccessSha256);
        Guard(AccessPath, () => _accessFile.Open(accesses));
    }

    /// <returns>False: there is none, or <see cref="IndexProblem"/> tells why it is not used.</returns>
    private bool OpenIndex()
    {
        var path = TouchPath;
        if (!File.Exists(path))
            return false;
        var content = File.ReadAllBytes(path);
        try
        {
            IndexProblem = _touchFile.Open(content, _part, _number) is { } problem ? $"{path}: {problem}" : null;
        }
        catch (InvalidDataException error)
        {
            IndexProblem = $"{path}: {error.Message}";
        }
        return IndexProblem is null;
    }

    /// <summary>Checks the checksums of a part without decoding it; of one that has an index, that it is what the accesses give.</summary>
    public void Verify(int number)
    {
        _part = manifest.Parts[number];
        _number = number;
        _eventContent.Load(EventPath, _part.EventSha256);
        _accessContent.Load(AccessPath, _part.AccessSha256);
        if (!File.Exists(TouchPath))
            return;
        if (!OpenIndex())
            throw new CaptureFormatException($"{IndexProblem}. Make the index anew with 'replay index', or remove the file.");
        var chunk = new TraceChunk();
        for (var group = 0; group < _touchFile.RowGroups; group++)
        {
            var read = group;
            chunk.Clear();
            Guard(TouchPath, () => _touchFile.Read(read, chunk));
            whole.Check(chunk, chunk.Touched!);
        }
    }

    /// <summary>Reads the events of a part without its accesses, a row group at a time. Nothing else is read after it.</summary>
    /// <exception cref="CaptureFormatException">Missing, damaged or foreign.</exception>
    public void ReadEvents(CapturePart part, Action<List<TraceEvent>> take)
    {
        _part = part;
        var content = _eventContent.Load(EventPath, part.EventSha256);
        Guard(EventPath, () => _eventFile.Open(content));
        for (var group = 0; group < _eventFile.RowGroups; group++)
        {
            _events.Clear();
            Guard(EventPath, () => _eventFile.Read(group, _events));
            take(_events);
        }
    }

    /// <summary>The first event of a kind in a part, of which the row groups without one are not decoded. Nothing else is read after it.</summary>
    /// <exception cref="CaptureFormatException">Missing, damaged or foreign.</exception>
    public TraceEvent? FirstEvent(CapturePart part, TraceEventKind kind)
    {
        _part = part;
        var content = _eventContent.Load(EventPath, part.EventSha256);
        Guard(EventPath, () => _eventFile.Open(content));
        TraceEvent? first = null;
        for (var group = 0; group < _eventFile.RowGroups && first is null; group++)
        {
            Guard(EventPath, () =>
            {
                if (!_eventFile.Holds(group, kind))
                    return;
                _events.Clear();
                _eventFile.Read(group, _events);
                first = _events.Find(row => row.Kind == kind);
            });
        }
        return first;
    }

    /// <summary>Fills <paramref name="chunk"/>; false at the end of the part.</summary>
    public bool TryRead(TraceChunk chunk)
    {
        chunk.Clear();
        TakeAccesses(chunk);
        var cut = TakeEvents(chunk, chunk.AccessCount > 0 ? chunk.LastOrdinal : long.MaxValue);
        if (cut < chunk.AccessCount)
            PutBack(chunk, cut);
        if (chunk.AccessCount == 0 && chunk.Events.Count == 0)
        {
            if (_search is null && _lastOrdinal != _part.LastOrdinal && _part.Accesses + _part.Events > 0)
                throw Unexpected(AccessPath, $"the last ordinal is {_lastOrdinal} where the manifest says {_part.LastOrdinal}");
            return false;
        }
        _lastOrdinal = ChunkOrder.Check(chunk, _lastOrdinal)
            ?? throw Unexpected(AccessPath, $"ordinals do not ascend after {_lastOrdinal}");
        if (chunk.AccessCount > 0)
            _lastOrdinal = Math.Max(_lastOrdinal, chunk.LastOrdinal);
        return true;
    }

    /// <summary>Skips whatever stands before <paramref name="ordinal"/>. Follows <see cref="Open"/> directly.</summary>
    public void SkipTo(long ordinal) => Guard(AccessPath, () => Skip(ordinal));

    public void Dispose()
    {
        _accessFile.Dispose();
        _touchFile.Dispose();
        _single.Dispose();
        _eventFile.Dispose();
    }

    private void Skip(long ordinal)
    {
        // Groups that end before the ordinal are passed over by their statistics, without being decoded.
        while (_accessGroup < Groups.RowGroups && Groups.LastOrdinal(_accessGroup) < ordinal)
            _accessGroup++;
        while (_eventGroup < _eventFile.RowGroups && _eventFile.LastOrdinal(_eventGroup) < ordinal)
            _eventGroup++;
        if (NextAccesses())
        {
            var found = _accesses.Ordinals.AsSpan(0, _accesses.AccessCount).BinarySearch(ordinal);
            _nextAccess = found < 0 ? ~found : found;
            if (_nextAccess == _accesses.AccessCount)
                throw new InvalidDataException("the statistics of the ordinals are wrong");
        }
        while (NextEvents() && _events[_nextEvent].Ordinal < ordinal)
            _nextEvent++;
        _lastOrdinal = Math.Max(_lastOrdinal, ordinal - 1);
    }

    private void TakeAccesses(TraceChunk chunk)
    {
        if (_nextAccess == _accesses.AccessCount && _accessGroup < Groups.RowGroups && Groups.RowsOf(_accessGroup) <= TraceChunk.Capacity)
        {
            // Of full captures: a row group goes straight into the caller's arrays.
            _accesses.Clear();
            _nextAccess = 0;
            DecodeAccesses(chunk);
            return;
        }
        if (!NextAccesses())
            return;
        var count = Math.Min(_accesses.AccessCount - _nextAccess, TraceChunk.Capacity);
        chunk.HasRips = _accesses.HasRips;
        chunk.AppendAccesses(_accesses, _nextAccess, count);
        if (_accesses.Touched is { } touched)
            chunk.MakeSparse().Set(touched, _nextAccess);
        _nextAccess += count;
    }

    private bool NextAccesses()
    {
        if (_nextAccess == _accesses.AccessCount && _accessGroup < Groups.RowGroups)
        {
            _nextAccess = 0;
            _accesses.Clear();
            DecodeAccesses(_accesses);
        }
        return _nextAccess < _accesses.AccessCount;
    }

    private void DecodeAccesses(TraceChunk into)
    {
        var group = _accessGroup++;
        Guard(_isByIndex && _searched is null ? TouchPath : AccessPath, () => Groups.Read(group, into));
    }

    /// <summary>Takes events up to <paramref name="limit"/>, as many as a chunk may hold.</summary>
    /// <returns>How many accesses of the chunk stand before the first event that is left; all, if no event in their range is left.</returns>
    private int TakeEvents(TraceChunk chunk, long limit)
    {
        while (NextEvents())
        {
            var rest = CollectionsMarshal.AsSpan(_events)[_nextEvent..];
            var count = UpTo(rest, limit);
            var taken = rest[..Math.Min(count, ChunkEvents - chunk.Events.Count)];
            chunk.Events.AddRange(taken);
            _nextEvent += taken.Length;
            if (taken.Length < count)
            {
                var found = chunk.Ordinals.AsSpan(0, chunk.AccessCount).BinarySearch(rest[taken.Length].Ordinal);
                return found < 0 ? ~found : found;
            }
            if (count < rest.Length)
                break;
        }
        return chunk.AccessCount;
    }

    /// <summary>How many events stand at or before an ordinal.</summary>
    private static int UpTo(ReadOnlySpan<TraceEvent> events, long limit)
    {
        if (events[^1].Ordinal <= limit)
            return events.Length;
        var low = 0;
        for (var high = events.Length - 1; low < high;)
        {
            var middle = (low + high) / 2;
            if (events[middle].Ordinal <= limit)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private bool NextEvents()
    {
        while (_nextEvent == _events.Count)
        {
            if (_eventGroup == _eventFile.RowGroups)
                return false;
            _events.Clear();
            _nextEvent = 0;
            var group = _eventGroup++;
            Guard(EventPath, () =>
            {
                if (_search is null || _eventFile.MayHold(group, _search))
                    _eventFile.Read(group, _events);
            });
        }
        return true;
    }

    private void PutBack(TraceChunk chunk, int from)
    {
        var count = chunk.AccessCount - from;
        if (_nextAccess >= count)
        {
            // They were copied from there.
            _nextAccess -= count;
        }
        else
        {
            _accesses.Clear();
            _accesses.HasRips = chunk.HasRips;
            _accesses.AppendAccesses(chunk, from, count);
            if (chunk.Touched is { } rest)
                _accesses.MakeSparse().Set(rest, from);
            _nextAccess = 0;
        }
        chunk.AccessCount = from;
        // Behind an event stands a touch: what is left out ends before it.
        chunk.Touched?.CutAt(from, _events[_nextEvent].Ordinal - 1);
    }

    /// <summary>
    /// Content that decodes badly though its checksum holds was not written by this tool. What a decoder throws on it is not for users.
    /// </summary>
    internal static void Guard(string path, Action decode)
    {
        try
        {
            decode();
        }
        catch (Exception error) when (error is not (CaptureFormatException or OutOfMemoryException))
        {
            throw new CaptureFormatException($"{path}: not a file of a capture ({error.Message.TrimEnd('.')}). Copy or record the capture again.", error);
        }
    }

    private static CaptureFormatException Unexpected(string path, string what) => new($"{path}: {what}. Copy or record the capture again.");
}
