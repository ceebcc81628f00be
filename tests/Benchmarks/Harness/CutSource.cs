using Replay.Trace;

namespace Replay.Benchmarks;

/// <summary>A capture up to a number of accesses, whole chunks only.</summary>
internal sealed class CutSource(CaptureReader reader, long accesses) : ITraceSource
{
    private long _left = accesses;

    public CaptureManifest Manifest => reader.Manifest;

    public bool TryRead(TraceChunk chunk)
    {
        if (_left <= 0 || !reader.TryRead(chunk))
            return false;
        _left -= chunk.AccessCount;
        return true;
    }
}
