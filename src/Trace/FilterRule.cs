namespace Replay.Trace;

/// <summary>
/// The page filter of a filtered recording: an access is dropped when its page, kind and privilege stand in a direct-mapped table
/// that is emptied at every flush point. Replay is exact as long as every zap of the model falls on a flush point.
/// </summary>
public sealed record FilterRule
{
    /// <summary>Slots of the direct-mapped table, a power of two.</summary>
    public required int Entries { get; init; }

    /// <summary>Ordinals between two unconditional flushes: flush before every ordinal that is a multiple of this.</summary>
    public required long EpochLength { get; init; }

    /// <summary>Names of the events that flush, see <c>schemas/capture/v2.md</c>.</summary>
    public List<string> FlushOn { get; init; } =
    [
        "cr_write", "invlpg", "invpcid", "page_image", "page_table_store", "protection_fault", "pkru_write", "host_event", "nested", "marker", "epoch",
    ];
}
