using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Guest entries of 8 bytes: long mode and PAE.</summary>
/// <remarks>KVM: PTTYPE 64.</remarks>
internal readonly struct Paging64 : IGuestPtes
{
    public static int EntrySize => 8;

    public static int LevelBits => 9;

    public static ulong NxMask => PteBits.NoExecute;

    public static uint Accessed => PteBits.Accessed;

    public static uint Dirty => PteBits.Dirty;

    public static KvmFunction PageFaultFunction => KvmFunction.Paging64PageFault;

    public static KvmFunction FetchFunction => KvmFunction.Paging64Fetch;

    public static KvmFunction WalkFunction => KvmFunction.Paging64WalkAddr;

    public static KvmFunction PrefetchFunction => KvmFunction.Paging64PrefetchGpte;

    public static KvmFunction SyncFunction => KvmFunction.Paging64SyncPage;

    public static KvmFunction SyncSpteFunction => KvmFunction.Paging64SyncSpte;

    public static KvmFunction InvlpgFunction => KvmFunction.Paging64Invlpg;

    public static ulong Gfn(ulong gpte, int level) => PageLevels.RoundDown((gpte & Spte.BaseAddressMask) >> 12, level);

    public static bool IsLast(ulong gpte, int level, in CpuRole role) =>
        level == PgLevel.Size4K || (gpte & PteBits.PageSize) != 0;
}
