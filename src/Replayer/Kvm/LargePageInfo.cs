namespace Replay.Replayer.Kvm;

/// <summary>
/// Where a memslot may be mapped by huge pages: a count per huge frame of the reasons against it, 0 where there is none.
/// </summary>
/// <remarks>KVM: struct kvm_lpage_info, kvm_alloc_memslot_metadata().</remarks>
public sealed class LargePageInfo
{
    /// <summary>KVM_MAX_HUGEPAGE_LEVEL: 1 GiB.</summary>
    public const int MaxLevel = 3;

    private const int MinLevel = 2;

    private readonly ulong _baseGfn;
    private readonly int[][] _disallowed = new int[MaxLevel - MinLevel + 1][];

    /// <param name="baseGfn">First gfn of the slot.</param>
    /// <param name="pageCount">Pages of 4 KiB.</param>
    /// <param name="hvaPage">Number of the host-virtual page behind the first gfn.</param>
    public LargePageInfo(ulong baseGfn, ulong pageCount, ulong hvaPage)
    {
        _baseGfn = baseGfn;
        for (var level = MinLevel; level <= MaxLevel; level++)
        {
            var mask = PageLevels.PagesPerHugePage(level) - 1;
            var counts = new int[Index(baseGfn + pageCount - 1, level) + 1];
            if ((baseGfn & mask) != 0)
                counts[0] = 1;
            if ((baseGfn + pageCount & mask) != 0)
                counts[^1] = 1;
            if (((baseGfn ^ hvaPage) & mask) != 0)
                Array.Fill(counts, 1);
            _disallowed[level - MinLevel] = counts;
        }
    }

    /// <summary>Reasons against a huge page of <paramref name="level"/> (2 or 3) over the gfn.</summary>
    public int DisallowCount(ulong gfn, int level) => _disallowed[level - MinLevel][Index(gfn, level)];

    /// <summary>The gfn is shadowed as a guest page table: no huge page may cover it.</summary>
    /// <remarks>KVM: kvm_mmu_gfn_disallow_lpage().</remarks>
    public void Disallow(ulong gfn) => Update(gfn, 1);

    /// <summary>Takes one <see cref="Disallow"/> back.</summary>
    /// <remarks>KVM: kvm_mmu_gfn_allow_lpage().</remarks>
    public void Allow(ulong gfn) => Update(gfn, -1);

    private void Update(ulong gfn, int change)
    {
        for (var level = MinLevel; level <= MaxLevel; level++)
        {
            ref var count = ref _disallowed[level - MinLevel][Index(gfn, level)];
            count += change;
            Invariant.Holds(count >= 0, $"gfn {gfn:x}: huge pages of level {level} were allowed more often than disallowed");
        }
    }

    private int Index(ulong gfn, int level) => PageLevels.GfnToIndex(gfn, _baseGfn, level);
}
