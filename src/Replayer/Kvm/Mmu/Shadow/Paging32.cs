using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Guest entries of 4 bytes: 32-bit paging without PAE.</summary>
/// <remarks>KVM: PTTYPE 32.</remarks>
internal readonly struct Paging32 : IGuestPtes
{
    /// <summary>PT32_DIR_PSE36_MASK: bits 16 to 13 of a large entry are bits 35 to 32 of the address.</summary>
    private const ulong Pse36Mask = 0xfUL << 13;
    private const int Pse36Shift = 32 - 13 - 12;

    public static int EntrySize => 4;

    public static int LevelBits => 10;

    public static ulong NxMask => 0;

    public static uint Accessed => PteBits.Accessed;

    public static uint Dirty => PteBits.Dirty;

    public static KvmFunction PageFaultFunction => KvmFunction.Paging32PageFault;

    public static KvmFunction FetchFunction => KvmFunction.Paging32Fetch;

    public static KvmFunction WalkFunction => KvmFunction.Paging32WalkAddr;

    public static KvmFunction PrefetchFunction => KvmFunction.Paging32PrefetchGpte;

    public static KvmFunction SyncFunction => KvmFunction.Paging32SyncPage;

    public static KvmFunction SyncSpteFunction => KvmFunction.Paging32SyncSpte;

    public static KvmFunction InvlpgFunction => KvmFunction.Paging32Invlpg;

    public static ulong Gfn(ulong gpte, int level) => level == PgLevel.Size4K
        ? (uint)gpte >> 12
        : ((uint)gpte >> 22 << 10) + ((gpte & Pse36Mask) << Pse36Shift);

    /// <summary>Without CR4.PSE bit 7 of a PDE is ignored.</summary>
    public static bool IsLast(ulong gpte, int level, in CpuRole role) =>
        level == PgLevel.Size4K || (role.Cr4Pse && (gpte & PteBits.PageSize) != 0);
}
