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

/// <summary>Where a recorder puts what it sees: the capture writer, or a replay that runs while the guest does.</summary>
public interface ITraceSink
{
    /// <summary>Takes one chunk; the callee copies what it keeps. Ordinals ascend from call to call.</summary>
    void Write(TraceChunk chunk);
}
