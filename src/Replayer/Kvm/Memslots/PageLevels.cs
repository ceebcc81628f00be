namespace Replay.Replayer.Kvm;

/// <summary>Arithmetic of page-table levels: 1 maps 4 KiB, 2 maps 2 MiB, 3 maps 1 GiB, and so on by 9 bits.</summary>
public static class PageLevels
{
    /// <summary>Bits of a gfn below a page of the level.</summary>
    /// <remarks>KVM: KVM_HPAGE_GFN_SHIFT.</remarks>
    public static int GfnShift(int level) => (level - 1) * 9;

    /// <summary>4 KiB pages in a page of the level.</summary>
    /// <remarks>KVM: KVM_PAGES_PER_HPAGE.</remarks>
    public static ulong PagesPerHugePage(int level) => 1UL << GfnShift(level);

    /// <summary>First gfn of the page of the level that holds the gfn.</summary>
    /// <remarks>KVM: gfn_round_for_level().</remarks>
    public static ulong RoundDown(ulong gfn, int level) => gfn & ~(PagesPerHugePage(level) - 1);

    /// <summary>Which entry of a table of the level translates the gfn: 0 to 511.</summary>
    /// <remarks>KVM: SPTE_INDEX.</remarks>
    public static int EntryIndex(ulong gfn, int level) => (int)(gfn >> GfnShift(level) & 511);

    /// <summary>Number of the huge frame of the level, counted from the one that holds the slot's first gfn.</summary>
    /// <remarks>KVM: gfn_to_index().</remarks>
    public static int GfnToIndex(ulong gfn, ulong baseGfn, int level) =>
        (int)((gfn >> GfnShift(level)) - (baseGfn >> GfnShift(level)));
}
