namespace Replay.Replayer.Guest;

/// <summary>Bits that mean the same in every format of the CPU's own page tables.</summary>
/// <remarks>
/// <code>
/// 63  62..59          58..52  51..12  11..9    8  7       6  5  4    3    2    1    0
/// NX  protection key  free    frame   ignored  G  PS/PAT  D  A  PCD  PWT  U/S  R/W  P
/// </code>
/// Entries of 4 bytes end at bit 31.
/// </remarks>
internal static class EntryBits
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
