using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>All accesses of the stretch of which a chunk has the touches, read when a touch did change something, and once for the whole chunk.</summary>
public sealed class ExpandedChunk
{
    private const string Why = "content of the capture, read again where it is needed";

    [NotState(Why)]
    private TraceChunk? _all;

    [NotState(Why)]
    private TraceChunk? _of;

    private long _firstOrdinal = -1;

    /// <exception cref="CaptureFormatException">The capture is damaged, or its index is wrong.</exception>
    internal TraceChunk Of(TraceChunk chunk)
    {
        // A chunk is filled again and again; what it was filled with is told by where it begins.
        var first = chunk.AccessCount > 0 ? chunk.Ordinals[0] : -1;
        if (_all is not null && ReferenceEquals(_of, chunk) && _firstOrdinal == first && first >= 0)
            return _all;
        _all ??= new TraceChunk();
        _of = null;
        chunk.ExpandInto(_all);
        _of = chunk;
        _firstOrdinal = first;
        return _all;
    }
}
