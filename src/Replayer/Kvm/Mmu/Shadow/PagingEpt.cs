using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>
/// The extended page tables that a hypervisor made for its guest. Nothing but their own bits decides on rights; what KVM calls a user's right is
/// the right to read.
/// </summary>
/// <remarks>KVM: PTTYPE_EPT.</remarks>
internal readonly struct PagingEpt : IGuestPtes
{
    private const ulong AnyRight = 7;
    private const ulong Writable = 2;
    private const ulong Executable = 4;

    public static int EntrySize => 8;

    public static int LevelBits => 9;

    public static ulong NxMask => 0;

    public static uint Accessed => 1u << 8;

    public static uint Dirty => 1u << 9;

    public static bool TellsRights => true;

    public static KvmFunction PageFaultFunction => KvmFunction.EptPageFault;

    public static KvmFunction FetchFunction => KvmFunction.EptFetch;

    public static KvmFunction WalkFunction => KvmFunction.EptWalkAddr;

    public static KvmFunction PrefetchFunction => KvmFunction.EptPrefetchGpte;

    public static KvmFunction SyncFunction => KvmFunction.EptSyncPage;

    public static KvmFunction SyncSpteFunction => KvmFunction.EptSyncSpte;

    public static KvmFunction InvlpgFunction => KvmFunction.EptInvlpg;

    public static bool IsPresent(ulong gpte) => (gpte & AnyRight) != 0;

    public static bool HasAccessedDirty(PageRole role) => !role.AdDisabled;

    public static PteAccess Access(ulong gpte) =>
        ((gpte & 1) != 0 ? PteAccess.User : PteAccess.None)
        | ((gpte & Writable) != 0 ? PteAccess.Write : PteAccess.None)
        | ((gpte & Executable) != 0 ? PteAccess.Exec : PteAccess.None);

    public static GuestReservedBits Reserved(in CpuRole role, HostProfile profile) => GuestReservedBits.OfEpt(role, profile);

    /// <remarks>KVM: update_permission_bitmask() for EPT.</remarks>
    public static ulong Fault(in CpuRole role, PteAccess access, int key, uint pkru, ulong errorCode, bool overridesSmap)
    {
        var isForbidden = ((errorCode & Pferr.Write) != 0 && (access & PteAccess.Write) == 0)
            || ((errorCode & Pferr.User) != 0 && (access & PteAccess.User) == 0)
            || ((errorCode & Pferr.Fetch) != 0 && (access & PteAccess.Exec) == 0);
        return isForbidden ? Pferr.Present : 0;
    }

    public static ulong Gfn(ulong gpte, int level) => PageLevels.RoundDown((gpte & Spte.BaseAddressMask) >> 12, level);

    public static bool IsLast(ulong gpte, int level, in CpuRole role) => level == PgLevel.Size4K || (gpte & PteBits.PageSize) != 0;
}
