namespace Replay.Trace;

/// <summary>The bits of control registers that decide how a guest translates. Intel SDM volume 3, sections 2.5 and 2.2.1.</summary>
public static class ControlBits
{
    public const ulong Cr0Pe = 1UL << 0;
    public const ulong Cr0Et = 1UL << 4;
    public const ulong Cr0Wp = 1UL << 16;
    public const ulong Cr0Nw = 1UL << 29;
    public const ulong Cr0Cd = 1UL << 30;
    public const ulong Cr0Pg = 1UL << 31;

    /// <summary>CR3 bit 63 in a write: keep the translations of this PCID.</summary>
    public const ulong Cr3NoFlush = 1UL << 63;

    public const ulong Cr4Pse = 1UL << 4;
    public const ulong Cr4Pae = 1UL << 5;
    public const ulong Cr4Pge = 1UL << 7;
    public const ulong Cr4La57 = 1UL << 12;
    public const ulong Cr4Pcide = 1UL << 17;
    public const ulong Cr4Smep = 1UL << 20;
    public const ulong Cr4Smap = 1UL << 21;
    public const ulong Cr4Pke = 1UL << 22;

    public const ulong EferSce = 1UL << 0;
    public const ulong EferLme = 1UL << 8;
    public const ulong EferLma = 1UL << 10;
    public const ulong EferNxe = 1UL << 11;
}
