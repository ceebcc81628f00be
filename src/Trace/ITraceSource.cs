namespace Replay.Trace;

/// <summary>A stream of chunks in ordinal order: a capture being read, or a workload being made.</summary>
public interface ITraceSource
{
    CaptureManifest Manifest { get; }

    /// <summary>
    /// Fills <paramref name="chunk"/> with the next stretch; false at the end of the stream. Every ordinal of a chunk, accesses and
    /// events alike, is lower than every ordinal of the next; a chunk may hold events only.
    /// </summary>
    /// <exception cref="CaptureFormatException">The capture is damaged, foreign or newer than this tool.</exception>
    bool TryRead(TraceChunk chunk);
}
