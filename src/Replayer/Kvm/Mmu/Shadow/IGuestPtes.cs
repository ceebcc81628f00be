using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>The forms of guest page-table entries, given to the shadow code as a type argument.</summary>
/// <remarks>KVM: the PTTYPE of paging_tmpl.h.</remarks>
internal interface IGuestPtes
{
    /// <summary>Bytes of an entry.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Address bits that one level translates.</summary>
    static abstract int LevelBits { get; }

    /// <summary>The bit that forbids execution; 0 where entries have none.</summary>
    static abstract ulong NxMask { get; }

    static abstract uint Accessed { get; }

    static abstract uint Dirty { get; }

    /// <summary>A failed walk leaves the rights that it gathered, for the exit qualification.</summary>
    static virtual bool TellsRights => false;

    /// <remarks>KVM: FNAME(is_present_gpte)().</remarks>
    static virtual bool IsPresent(ulong gpte) => (gpte & PteBits.Present) != 0;

    /// <summary>The tables have accessed and dirty bits.</summary>
    /// <remarks>KVM: PT_HAVE_ACCESSED_DIRTY().</remarks>
    static virtual bool HasAccessedDirty(PageRole role) => true;

    /// <summary>The rights in an entry: execution is allowed where P is set and NX is not.</summary>
    /// <remarks>KVM: FNAME(gpte_access)().</remarks>
    static virtual PteAccess Access(ulong gpte) =>
        (PteAccess)(((gpte & (PteBits.Present | PteBits.Writable | PteBits.User)) ^ (gpte >> 63)) & (ulong)PteAccess.All);

    /// <summary>Bits that must be clear.</summary>
    static virtual GuestReservedBits Reserved(in CpuRole role, HostProfile profile) => GuestReservedBits.Of(role, profile);

    /// <summary>Why the rights do not allow an access: bits of the error code, or 0.</summary>
    static virtual ulong Fault(in CpuRole role, PteAccess access, int key, uint pkru, ulong errorCode, bool overridesSmap) =>
        GuestPermissions.Fault(role, access, key, pkru, errorCode, overridesSmap);

    /// <summary>The gfn that the entry holds, without what the address adds below its level.</summary>
    static abstract ulong Gfn(ulong gpte, int level);

    /// <summary>The entry ends the walk.</summary>
    /// <remarks>KVM: FNAME(is_last_gpte)().</remarks>
    static abstract bool IsLast(ulong gpte, int level, in CpuRole role);

    static abstract KvmFunction PageFaultFunction { get; }

    static abstract KvmFunction FetchFunction { get; }

    static abstract KvmFunction WalkFunction { get; }

    static abstract KvmFunction PrefetchFunction { get; }

    static abstract KvmFunction SyncFunction { get; }

    static abstract KvmFunction SyncSpteFunction { get; }

    static abstract KvmFunction InvlpgFunction { get; }
}
