namespace Replay.Trace;

/// <summary>How a capture is read.</summary>
public sealed record CaptureReaderOptions
{
    public static CaptureReaderOptions Default { get; } = new();

    /// <summary>Decode on a thread of its own, ahead of the caller. The chunks and their order are the same either way.</summary>
    public bool DecodeAhead { get; init; }

    /// <summary>Chunks that may be decoded ahead.</summary>
    public int AheadChunks { get; init; } = 4;
}
