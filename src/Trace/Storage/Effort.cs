namespace Replay.Trace.Storage;

/// <summary>How much work the encoder makes itself for fewer bytes.</summary>
internal sealed record Effort
{
    /// <summary>The most accesses that a row group has, of whichever effort; a multiple of what a chunk holds.</summary>
    public const int MaxGroupAccesses = 4 * TraceChunk.Capacity;

    /// <summary>The most events that a row group has.</summary>
    public const int MaxGroupEvents = 1 << 16;

    /// <summary>Every access: encoding must keep up with the guest, and a row group goes straight into a reader's chunk.</summary>
    public static Effort Full { get; } = new() { AccessLevel = 1, EventLevel = 3, GroupAccesses = TraceChunk.Capacity, GroupEvents = 8192 };

    /// <summary>Every access of a guest that waits for the encoder: two or three times the bytes in half the time.</summary>
    public static Effort Hasty { get; } = Full with { AccessLevel = -10, PackOffsets = true, IsHasty = true };

    /// <summary>
    /// What a page filter leaves: a hundredth of the rows, but each with more in it. Long row groups let the compressor find what repeats from one
    /// system call to the next.
    /// </summary>
    public static Effort Filtered { get; } = new()
    {
        AccessLevel = 9,
        EventLevel = 9,
        GroupAccesses = MaxGroupAccesses,
        GroupEvents = MaxGroupEvents,
        WholeByteDeltas = true,
    };

    /// <summary>A touch index: made while a guest waits, and a few thousandths of the rows.</summary>
    public static Effort Touches { get; } = Full with { AccessLevel = 1, WholeByteDeltas = true };

    /// <summary>ZSTD level of access files. Above 1 it saves a few percent of what a full capture takes, and costs half as much time again.</summary>
    public required int AccessLevel { get; init; }

    /// <summary>ZSTD level of event files: offsets and stored values repeat over distances that levels below 3 do not see.</summary>
    public required int EventLevel { get; init; }

    public required int GroupAccesses { get; init; }

    public required int GroupEvents { get; init; }

    /// <summary>Differences of ordinals take whole bytes: more before compression and fewer after it, where they are not all 1.</summary>
    public bool WholeByteDeltas { get; init; }

    /// <summary>Offsets take twelve bits each, uncompressed, instead of being compressed.</summary>
    public bool PackOffsets { get; init; }

    /// <summary>What counts is time, and not that the same rows make the same bytes on every machine.</summary>
    public bool IsHasty { get; init; }

    public static Effort For(CaptureManifest manifest, bool hasty) => manifest.Filter is not null ? Filtered : hasty ? Hasty : Full;
}
