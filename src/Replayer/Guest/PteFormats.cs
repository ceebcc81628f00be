namespace Replay.Replayer.Guest;

/// <summary>One format of page-table entries, given to the walk as a type argument.</summary>
internal interface IPteFormat
{
    /// <summary>Bytes of an entry.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Address bits that one level translates.</summary>
    static abstract int IndexBits { get; }

    /// <summary>The entry maps a page, rather than pointing at the next table.</summary>
    static abstract bool IsLeaf(ulong entry, int level, in PagingRules rules);

    /// <summary>Bits that must be clear in a present entry.</summary>
    static abstract ulong Reserved(int level, bool leaf, in PagingRules rules);

    /// <summary>Physical address of the page that a leaf maps.</summary>
    static abstract ulong PageBase(ulong entry, int level);
}

/// <summary>Entries of 32-bit paging: 4 bytes, pages of 4 KiB and, with CR4.PSE, 4 MiB.</summary>
/// <remarks>
/// <code>
/// PDE of a 4 MiB page with PSE-36   31..22              21        20..13              12   7     6..0
///                                   frame, bits 31..22  reserved  frame, bits 39..32  PAT  PS=1  as in a PTE
/// </code>
/// </remarks>
internal readonly struct Bits32Format : IPteFormat
{
    private const int HighFrameShift = 13;
    private const ulong HighFrame = 0xffUL << HighFrameShift;
    private const ulong LowFrame = 0xffc0_0000;

    public static int EntrySize => 4;

    public static int IndexBits => 10;

    public static bool IsLeaf(ulong entry, int level, in PagingRules rules) =>
        level == 1 || (rules.PageSizeExtension && (entry & PteBits.PageSize) != 0);

    public static ulong Reserved(int level, bool leaf, in PagingRules rules)
    {
        if (!leaf || level == 1)
            return 0;
        var highBits = Math.Clamp(rules.PhysicalAddressBits - 32, 0, 8);
        return 1UL << 21 | (HighFrame & ~(((1UL << highBits) - 1) << HighFrameShift));
    }

    public static ulong PageBase(ulong entry, int level) => level == 1
        ? entry & 0xffff_f000
        : (entry & LowFrame) | (entry & HighFrame) >> HighFrameShift << 32;
}

/// <summary>Entries of the lower two levels of PAE paging: as in long mode, but bits 62 to 52 are reserved.</summary>
internal readonly struct PaeFormat : IPteFormat
{
    private const ulong HighReserved = 0x7ff0_0000_0000_0000;

    public static int EntrySize => 8;

    public static int IndexBits => 9;

    public static bool IsLeaf(ulong entry, int level, in PagingRules rules) => LongFormat.IsLeaf(entry, level, rules);

    public static ulong Reserved(int level, bool leaf, in PagingRules rules) =>
        LongFormat.Reserved(level, leaf, rules) | HighReserved;

    public static ulong PageBase(ulong entry, int level) => LongFormat.PageBase(entry, level);
}

/// <summary>Entries of 4-level and 5-level paging: pages of 4 KiB, 2 MiB and 1 GiB.</summary>
internal readonly struct LongFormat : IPteFormat
{
    public static int EntrySize => 8;

    public static int IndexBits => 9;

    public static bool IsLeaf(ulong entry, int level, in PagingRules rules) =>
        level == 1 || (level <= 3 && (entry & PteBits.PageSize) != 0);

    public static ulong Reserved(int level, bool leaf, in PagingRules rules)
    {
        var reserved = rules.UnreachableFrames | rules.ReservedNx;
        if (level >= 4)
            return reserved | PteBits.PageSize;
        return leaf ? reserved | UnalignedFrame(level) : reserved;
    }

    public static ulong PageBase(ulong entry, int level) => entry & PteBits.Frame & ~(PageSize(level) - 1);

    /// <summary>Frame bits below the size of a large page; bit 12 is its PAT bit.</summary>
    internal static ulong UnalignedFrame(int level) => (PageSize(level) - 1) & ~0x1fffUL;

    private static ulong PageSize(int level) => 1UL << (3 + (9 * level));
}

/// <summary>Bits that mean the same in every format of the CPU's own page tables.</summary>
/// <remarks>
/// <code>
/// 63  62..59          58..52  51..12  11..9    8  7       6  5  4    3    2    1    0
/// NX  protection key  free    frame   ignored  G  PS/PAT  D  A  PCD  PWT  U/S  R/W  P
/// </code>
/// Entries of 4 bytes end at bit 31.
/// </remarks>
internal static class PteBits
{
    public const ulong Present = 1UL << 0;
    public const ulong Writable = 1UL << 1;
    public const ulong User = 1UL << 2;
    public const uint Accessed = 1u << 5;

    /// <summary>
    /// What a PDPTE of PAE paging says. Its bit 5 is reserved: a guest leaves it clear, but an emulator that takes PDPTEs for entries
    /// like all others has set it in the memory that was recorded.
    /// </summary>
    public static ulong Pdpte(ulong raw) => raw & ~(ulong)Accessed;
    public const uint Dirty = 1u << 6;
    public const ulong PageSize = 1UL << 7;
    public const ulong NoExecute = 1UL << 63;
    public const ulong Frame = 0x000f_ffff_ffff_f000;
    public const int ProtectionKeyShift = 59;
}
