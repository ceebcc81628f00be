namespace Replay.Replayer.Guest;

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
