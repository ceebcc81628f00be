namespace Replay.Trace;

/// <summary>How a capture is cut into parts and how far its producer may run ahead of the disk.</summary>
public sealed record CaptureWriterOptions
{
    public static CaptureWriterOptions Default { get; } = new();

    /// <summary>Replace a capture that stands at the same place. Nothing but a capture is ever replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Accesses after which a part is closed.</summary>
    public long PartAccesses { get; init; } = 64L * TraceChunk.Capacity;

    /// <summary>Events after which a part is closed.</summary>
    public long PartEvents { get; init; } = 1 << 19;

    /// <summary>Bytes of page images and JSON documents after which a part is closed.</summary>
    public long PartEventBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Trade bytes for time in a capture of every access: two or three times the size, in half the time. For producers that must not wait.
    /// </summary>
    public bool Hasty { get; init; }

    /// <summary>Blocks of accesses, a row group each, that may wait for the encoder before <see cref="CaptureWriter.Write(TraceChunk)"/> waits too.</summary>
    public int QueueBlocks { get; init; } = 4;
}
