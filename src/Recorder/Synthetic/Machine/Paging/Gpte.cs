namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// An entry of a guest page table. The 4-byte entries of 32-bit paging are the low half.
/// <code>
///  63  62:59  51:12    11:10  9    8  7   6  5  4    3    2    1    0
///  NX  key    address  free   COW  G  PS  D  A  PCD  PWT  U/S  R/W  P
/// </code>
/// Bit 9 is software's: the synthetic kernel marks copy-on-write pages with it.
/// </summary>
public readonly record struct Gpte(ulong Raw)
{
    public const ulong PresentMask = 1 << 0;
    public const ulong WritableMask = 1 << 1;
    public const ulong UserMask = 1 << 2;
    public const ulong WriteThroughMask = 1 << 3;
    public const ulong CacheDisableMask = 1 << 4;
    public const ulong AccessedMask = 1 << 5;
    public const ulong DirtyMask = 1 << 6;
    public const ulong LargeMask = 1 << 7;
    public const ulong GlobalMask = 1 << 8;
    public const ulong CopyOnWriteMask = 1 << 9;
    public const int KeyShift = 59;
    public const ulong NoExecuteMask = 1UL << 63;

    /// <summary>Above any physical address width in use: reserved in every 8-byte entry.</summary>
    public const ulong ReservedMask = 1UL << 51;

    public bool IsPresent => (Raw & PresentMask) != 0;

    public bool IsWritable => (Raw & WritableMask) != 0;

    public bool IsUser => (Raw & UserMask) != 0;

    public bool IsLarge => (Raw & LargeMask) != 0;

    public bool IsCopyOnWrite => (Raw & CopyOnWriteMask) != 0;

    public bool IsNoExecute => (Raw & NoExecuteMask) != 0;

    /// <summary>Protection key, 0 to 15.</summary>
    public int Key => (int)(Raw >> KeyShift) & 15;

    public Gpte With(ulong mask) => new(Raw | mask);

    public Gpte Without(ulong mask) => new(Raw & ~mask);
}
