namespace Replay.Trace;

/// <summary>
/// What KVM's tables held before anything was seen of them, as far as what was seen later tells: the detail of
/// <see cref="TraceEventKind.EarlierMappings"/>.
/// </summary>
public sealed record EarlierMappings
{
    /// <summary>Pages that were mapped.</summary>
    public List<EarlierPage> Pages { get; init => field = value ?? []; } = [];

    /// <summary>Table pages that were there, in the order in which they were made, where that is known; what they held may not be.</summary>
    public List<EarlierTable> Tables { get; init => field = value ?? []; } = [];
}

/// <summary>A page that was mapped.</summary>
/// <param name="Level">At which it was: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB).</param>
/// <param name="Page">The page; a frame that is in no memslot was MMIO.</param>
/// <param name="Dirty">The guest could write it unseen: where the dirty log is kept, it had done so since the log was read.</param>
public readonly record struct EarlierPage(int Level, HostPage Page, bool Dirty);

/// <summary>A table page that was there.</summary>
/// <param name="Level">Of its entries.</param>
/// <param name="Gfn">The first frame that it translates.</param>
public readonly record struct EarlierTable(int Level, ulong Gfn);
