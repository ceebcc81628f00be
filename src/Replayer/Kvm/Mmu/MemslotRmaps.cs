namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// What the shadow MMU code keeps for each gfn of a memslot: which entries map it, at each page size, and how many upper-level guest
/// tables it holds. The heads are here, the lists behind them in <see cref="PteLists"/>.
/// </summary>
/// <remarks>KVM: rmap and gfn_track of struct kvm_arch_memory_slot.</remarks>
public sealed class MemslotRmaps
{
    private readonly ulong _baseGfn;
    private readonly int[][] _heads = new int[PgLevel.MaxHugePage][];
    private readonly ushort[] _writeTrack;

    public MemslotRmaps(ulong baseGfn, ulong pageCount)
    {
        _baseGfn = baseGfn;
        for (var level = PgLevel.Size4K; level <= PgLevel.MaxHugePage; level++)
            _heads[level - 1] = new int[PageLevels.GfnToIndex(baseGfn + pageCount - 1, baseGfn, level) + 1];
        _writeTrack = new ushort[pageCount];
    }

    /// <summary>The gfn must stay write-protected: it holds an upper-level guest table.</summary>
    /// <remarks>KVM: kvm_slot_page_track_is_active().</remarks>
    public bool IsWriteTracked(ulong gfn) => _writeTrack[gfn - _baseGfn] != 0;

    /// <summary>Head of the list of entries that map the gfn at <paramref name="level"/>.</summary>
    /// <remarks>KVM: gfn_to_rmap().</remarks>
    internal ref int Head(ulong gfn, int level) => ref _heads[level - 1][PageLevels.GfnToIndex(gfn, _baseGfn, level)];

    /// <summary>Heads of the gfns from <paramref name="startGfn"/> to before <paramref name="endGfn"/> at <paramref name="level"/>.</summary>
    internal Span<int> Heads(ulong startGfn, ulong endGfn, int level)
    {
        var first = PageLevels.GfnToIndex(startGfn, _baseGfn, level);
        return _heads[level - 1].AsSpan(first, PageLevels.GfnToIndex(endGfn - 1, _baseGfn, level) - first + 1);
    }

    /// <summary>How many write trackers the gfn has.</summary>
    internal ref ushort WriteTrackCount(ulong gfn) => ref _writeTrack[gfn - _baseGfn];
}
