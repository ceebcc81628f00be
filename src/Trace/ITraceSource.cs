namespace Replay.Trace;

/// <summary>A stream of chunks in ordinal order: a capture being read, or a workload being made.</summary>
public interface ITraceSource
{
    CaptureManifest Manifest { get; }

    /// <summary>Fills <paramref name="chunk"/> with the next stretch; false at the end of the stream.</summary>
    /// <exception cref="CaptureFormatException">The capture is damaged, foreign or newer than this tool.</exception>
    bool TryRead(TraceChunk chunk);
}
