using System.Runtime.CompilerServices;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The phases that all fault handlers share.</summary>
internal sealed class FaultPhases(KvmVm vm, Recycler recycler)
{
    /// <summary>The guest writes a page that stays write-protected whatever the handler does: only emulation helps.</summary>
    /// <remarks>KVM: page_fault_handle_page_track().</remarks>
    public static bool IsWriteTracked(PageFault fault) =>
        fault is { Reserved: false, Present: true, Write: true, Slot: { } slot } && slot.Rmaps.IsWriteTracked(fault.Gfn);

    /// <summary>Asks the host for the frame.</summary>
    /// <remarks>KVM: kvm_faultin_pfn().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RetPf FaultinPfn(KvmVcpu vcpu)
    {
        var fault = vcpu.Fault;
        fault.MmuSeq = vm.Invalidation.Sequence;
        if (fault.Slot is { IsInvalid: true } || IsInvalidated(fault))
            return RetPf.Retry;
        using var scope = vm.Journal.Enter(KvmFunction.KvmFaultinPfn);
        if (fault.Slot is { Id: PrivateMemslots.ApicAccessPage })
        {
            // For a nested guest it is no memory. While APICv is inhibited it is neither mapped nor remembered as MMIO.
            if (vcpu.IsGuestMode)
                fault.Slot = null;
            else if (!vm.Profile.Apicv)
                return RetPf.Emulate;
        }

        var pfn = vm.HostMemory.GfnToPfn(fault.Slot, fault.Gfn, fault.Write);
        fault.PfnKind = pfn.Kind;
        fault.Pfn = pfn.Pfn;
        fault.MapWritable = pfn.MapWritable;
        return pfn.Kind == HostPfnKind.Valid && IsInvalidated(fault) ? RetPf.Retry : RetPf.Continue;
    }

    /// <summary>Deals with there being no frame.</summary>
    /// <remarks>KVM: handle_abnormal_pfn(), kvm_handle_bad_page().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RetPf HandleAbnormalPfn(KvmVcpu vcpu, PteAccess access)
    {
        var fault = vcpu.Fault;
        switch (fault.PfnKind)
        {
            case HostPfnKind.Valid:
                return RetPf.Continue;
            case HostPfnKind.ReadOnlyFault:
                return RetPf.Emulate;
            case HostPfnKind.NoSlot:
                var gva = fault.IsTdp || vcpu.IsNested ? 0 : fault.Address;
                vcpu.Mmio.Remember(gva, fault.Gfn, access & (PteAccess)vm.Format.MmioAccessMask, vm.MmioGeneration);
                return !vm.Profile.MmioCaching || fault.Gfn > vm.MaxGfn ? RetPf.Emulate : RetPf.Continue;
            default:
                // KVM_RUN fails with EFAULT; userspace, which forbade the access, does not come back.
                vm.Journal.Note(ModelNote.EventNotModelled, fault.Address, fault.Gfn, 0);
                return RetPf.Emulate;
        }
    }

    /// <summary>The memslot of a gfn that is to be mapped unasked; null where that must not be done.</summary>
    /// <remarks>KVM: gfn_to_memslot_dirty_bitmap().</remarks>
    public Memslot? SlotForPrefetch(ulong gfn, bool noDirtyLog)
    {
        var slot = vm.Memslots.Find(gfn);
        return slot is null || slot.IsInvalid || (noDirtyLog && slot.LogsDirty) ? null : slot;
    }

    /// <summary>The host takes memory away, or did since the fault began; where the kernel looks for that here.</summary>
    private bool IsInvalidated(PageFault fault) =>
        vm.Kernel.FaultinLooksForInvalidation && fault.Slot is not null && vm.Invalidation.MustRetry(fault.MmuSeq);

    /// <summary>Makes room for the shadow pages that the fault may need, before or after looking whether it is stale.</summary>
    /// <returns>It is stale.</returns>
    public bool IsStaleOrMakesRoom(KvmVcpu vcpu)
    {
        var isStale = vm.Kernel.LooksForStaleFaultFirst && IsStale(vcpu);
        if (!isStale && !recycler.MakePagesAvailable())
            Invariant.Broken("no shadow page can be made available");
        return isStale || (!vm.Kernel.LooksForStaleFaultFirst && IsStale(vcpu));
    }

    /// <summary>Memslots or host memory changed while the frame was being looked up.</summary>
    /// <remarks>KVM: is_page_fault_stale().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool IsStale(KvmVcpu vcpu)
    {
        var root = vcpu.Mmu.Root.ShadowPage;
        if (root is not null && vm.IsObsolete(root))
            return true;
        if (root is null && (vcpu.Requests & VcpuRequests.MmuFreeObsoleteRoots) != 0)
            return true;
        return vcpu.Fault.Slot is not null && vm.Invalidation.MustRetry(vcpu.Fault.MmuSeq);
    }
}
