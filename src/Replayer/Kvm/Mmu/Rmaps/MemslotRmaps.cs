namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// What the shadow MMU code keeps for each gfn of a memslot: which entries map it, at each page size, and how many upper-level guest
/// tables it holds. The heads are here, the lists behind them in <see cref="PteLists"/>. Made when the first is needed, which with the
/// TDP MMU is never, unless the guest runs guests.
/// </summary>
/// <remarks>KVM: rmap and gfn_track of struct kvm_arch_memory_slot.</remarks>
public sealed class MemslotRmaps
{
    private readonly ulong _baseGfn;
    private readonly ulong _pageCount;
    private readonly int[]?[] _heads = new int[PgLevel.MaxHugePage][];
    private ushort[]? _writeTrack;

    public MemslotRmaps(ulong baseGfn, ulong pageCount)
    {
        _baseGfn = baseGfn;
        _pageCount = pageCount;
    }

    /// <summary>The gfn must stay write-protected: it holds an upper-level guest table.</summary>
    /// <remarks>KVM: kvm_slot_page_track_is_active().</remarks>
    public bool IsWriteTracked(ulong gfn) => _writeTrack is { } counts && counts[gfn - _baseGfn] != 0;

    /// <summary>Head of the list of entries that map the gfn at <paramref name="level"/>.</summary>
    /// <remarks>KVM: gfn_to_rmap().</remarks>
    internal ref int Head(ulong gfn, int level) => ref (_heads[level - 1] ??= Allocate(level))[PageLevels.GfnToIndex(gfn, _baseGfn, level)];

    /// <summary>Heads of the gfns from <paramref name="startGfn"/> to before <paramref name="endGfn"/> at <paramref name="level"/>.</summary>
    internal Span<int> Heads(ulong startGfn, ulong endGfn, int level)
    {
        if (_heads[level - 1] is not { } heads)
            return [];
        var first = PageLevels.GfnToIndex(startGfn, _baseGfn, level);
        return heads.AsSpan(first, PageLevels.GfnToIndex(endGfn - 1, _baseGfn, level) - first + 1);
    }

    /// <summary>How many write trackers the gfn has.</summary>
    internal ref ushort WriteTrackCount(ulong gfn) => ref (_writeTrack ??= new ushort[_pageCount])[gfn - _baseGfn];

    /// <remarks>KVM: memslot_rmap_alloc().</remarks>
    private int[] Allocate(int level) => new int[PageLevels.GfnToIndex(_baseGfn + _pageCount - 1, _baseGfn, level) + 1];
}
