namespace Replay.Replayer.Guest;

/// <summary>Entries of 4-level and 5-level paging: pages of 4 KiB, 2 MiB and 1 GiB.</summary>
internal readonly struct LongFormat : IPteFormat
{
    public static int EntrySize => 8;

    public static int IndexBits => 9;

    public static bool IsLeaf(ulong entry, int level, in PagingRules rules) =>
        level == 1 || (level <= 3 && (entry & EntryBits.PageSize) != 0);

    public static ulong Reserved(int level, bool leaf, in PagingRules rules)
    {
        var reserved = rules.UnreachableFrames | rules.ReservedNx;
        if (level >= 4)
            return reserved | EntryBits.PageSize;
        return leaf ? reserved | UnalignedFrame(level) : reserved;
    }

    public static ulong PageBase(ulong entry, int level) => entry & EntryBits.Frame & ~(PageSize(level) - 1);

    /// <summary>Frame bits below the size of a large page; bit 12 is its PAT bit.</summary>
    internal static ulong UnalignedFrame(int level) => (PageSize(level) - 1) & ~0x1fffUL;

    private static ulong PageSize(int level) => 1UL << (3 + (9 * level));
}
