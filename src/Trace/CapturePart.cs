namespace Replay.Trace;

/// <summary>One part of a capture: a pair of Parquet files, durable since both stand in the manifest.</summary>
public sealed record CapturePart
{
    /// <summary>File name of the accesses, relative to the capture.</summary>
    public required string AccessFile { get; init; }

    /// <summary>File name of the events.</summary>
    public required string EventFile { get; init; }

    public required string AccessSha256 { get; init; }

    public required string EventSha256 { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; }

    public long Accesses { get; init; }

    public long Events { get; init; }

    /// <summary>Bytes of both files.</summary>
    public long Bytes { get; init; }
}
