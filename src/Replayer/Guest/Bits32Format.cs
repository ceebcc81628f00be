namespace Replay.Replayer.Guest;

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
        level == 1 || (rules.PageSizeExtension && (entry & EntryBits.PageSize) != 0);

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
