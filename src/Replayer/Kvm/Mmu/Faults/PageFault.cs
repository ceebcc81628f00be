using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A fault on its way through the MMU. Each vCPU has one and fills it anew.</summary>
/// <remarks>KVM: struct kvm_page_fault.</remarks>
public sealed class PageFault
{
    /// <summary>Gpa with two-dimensional paging or guest paging off, otherwise gva.</summary>
    public ulong Address { get; private set; }

    /// <summary>As much of KVM's error code as the kernel hands down.</summary>
    public ulong ErrorCode { get; private set; }

    public bool Exec { get; private set; }

    public bool Write { get; private set; }

    public bool Present { get; private set; }

    public bool Reserved { get; private set; }

    public bool User { get; private set; }

    /// <summary>The handler is kvm_tdp_page_fault().</summary>
    public bool IsTdp { get; private set; }

    public bool NxHugePageWorkaround { get; private set; }

    /// <summary>A huge page must not be made here, lest it be executable.</summary>
    public bool HugePageDisallowed { get; set; }

    /// <summary>The largest level that the guest's mapping and the handler allow.</summary>
    public int MaxLevel { get; set; }

    /// <summary>The level that the host's mapping allows as well.</summary>
    public int ReqLevel { get; set; }

    /// <summary>The level that will be made.</summary>
    public int GoalLevel { get; set; }

    /// <summary>The gfn to map.</summary>
    public ulong Gfn { get; set; }

    /// <summary>The memslot that holds it; null for MMIO.</summary>
    public Memslot? Slot { get; set; }

    // Outputs of kvm_faultin_pfn().

    /// <summary>mmu_invalidate_seq when the frame was looked up.</summary>
    public ulong MmuSeq { get; set; }

    /// <summary>Whether there is a frame.</summary>
    public HostPfnKind PfnKind { get; set; }

    public ulong Pfn { get; set; }

    public bool MapWritable { get; set; }

    // Outputs of the guest walk.

    /// <summary>The guest writes a table that translates this very write.</summary>
    public bool WriteFaultToShadowPageTable { get; set; }

    // For the record of the fault.

    /// <summary>The level at which the page was mapped, 0 where none was.</summary>
    public int MappedLevel { get; set; }

    /// <summary>Starts a fault.</summary>
    /// <remarks>KVM: kvm_mmu_do_page_fault().</remarks>
    public void Begin(ulong address, ulong errorCode, KvmFunction handler, bool nxHugePages)
    {
        Address = address;
        ErrorCode = errorCode;
        Exec = (errorCode & Pferr.Fetch) != 0;
        Write = (errorCode & Pferr.Write) != 0;
        Present = (errorCode & Pferr.Present) != 0;
        Reserved = (errorCode & Pferr.Reserved) != 0;
        User = (errorCode & Pferr.User) != 0;
        IsTdp = handler == KvmFunction.KvmTdpPageFault;
        NxHugePageWorkaround = nxHugePages;
        HugePageDisallowed = false;
        MaxLevel = PgLevel.MaxHugePage;
        ReqLevel = PgLevel.Size4K;
        GoalLevel = PgLevel.Size4K;
        Gfn = 0;
        Slot = null;
        MmuSeq = 0;
        PfnKind = HostPfnKind.Valid;
        Pfn = 0;
        MapWritable = false;
        WriteFaultToShadowPageTable = false;
        MappedLevel = 0;
    }
}

/// <summary>Bits of a page-fault error code as KVM hands it to its MMU.</summary>
/// <remarks>KVM: the PFERR_* masks. SDM, "Page-Fault Exceptions"; APM, "Nested versus Guest Page Faults".</remarks>
public static class Pferr
{
    public const ulong Present = 1UL << 0;
    public const ulong Write = 1UL << 1;
    public const ulong User = 1UL << 2;
    public const ulong Reserved = 1UL << 3;
    public const ulong Fetch = 1UL << 4;
    public const ulong ProtectionKey = 1UL << 5;

    /// <summary>The fault is on the final translation of the second dimension.</summary>
    public const ulong GuestFinal = 1UL << 32;

    /// <summary>The fault is on the translation of a guest page table.</summary>
    public const ulong GuestPage = 1UL << 33;

    /// <summary>An access that the CPU makes itself at supervisor privilege.</summary>
    public const ulong Implicit = 1UL << 48;

    public const ulong NestedGuestPage = GuestPage | Write | Present;
}
