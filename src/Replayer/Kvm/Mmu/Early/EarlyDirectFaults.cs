using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Handles faults at guest-physical addresses in one function: size, frame, map.</summary>
internal sealed class EarlyDirectFaults(KvmVm vm, Recycler recycler, EarlyDirectMapper mapper) : IDirectFaults
{
    private readonly SpteFormat _format = vm.Format;

    public KvmFunction TdpHandler => KvmFunction.TdpPageFault;

    /// <remarks>KVM: tdp_page_fault(). A fault with a reserved bit does not come here: EPT has misconfigurations instead.</remarks>
    public RetPf TdpPageFault(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpPageFault);
        var fault = vcpu.Fault;
        fault.Gfn = fault.Address >> 12;
        fault.Slot = vm.Memslots.Find(fault.Gfn) is { IsInvalid: false } slot ? slot : null;
        // mapping_level() asks for pages of hugetlbfs, which the modelled host has not: the host's huge pages are found later.
        var outcome = FastPageFault(vcpu, fault);
        if (outcome != RetPf.Invalid)
            return outcome;
        var sequence = vm.Invalidation.Sequence;
        using (vm.Journal.Enter(KvmFunction.KvmFaultinPfn))
        {
            var pfn = vm.HostMemory.GfnToPfn(fault.Slot, fault.Gfn, fault.Write);
            fault.PfnKind = pfn.Kind;
            fault.Pfn = pfn.Pfn;
            fault.MapWritable = pfn.MapWritable;
        }

        if (!HandleAbnormalPfn(vcpu, fault))
            return RetPf.Emulate;
        if (vm.Invalidation.MustRetry(sequence))
            return RetPf.Retry;
        recycler.MakePagesAvailable();
        AdjustForHugePage(fault);
        return mapper.Map(vcpu, fault);
    }

    public RetPf NonpagingPageFault(KvmVcpu vcpu) => throw new InvariantViolation($"{vm.Kernel} is not modelled in mode {vm.Mode.Name()}");

    /// <inheritdoc/>
    public bool TryMapTables(KvmVcpu vcpu, ulong gfn, int level) => false;

    /// <summary>Gives back the right to write that a dirty log took, without the lock.</summary>
    /// <returns>Fixed; Spurious: nothing was missing; Retry: the mapping is gone; Invalid: go on.</returns>
    /// <remarks>KVM: fast_page_fault(), page_fault_can_be_fast(), fast_pf_fix_direct_spte().</remarks>
    private RetPf FastPageFault(KvmVcpu vcpu, PageFault fault)
    {
        if (!fault.Present || !fault.Write)
            return RetPf.Invalid;
        using var scope = vm.Journal.Enter(KvmFunction.FastPageFault);
        var entry = default(Sptep);
        for (var walk = ShadowWalk.From(vcpu, fault.Address); walk.IsOkay; walk.Next())
            entry = walk.Entry;
        if (entry.Page is null)
            return RetPf.Invalid;
        var spte = entry.Value;
        var outcome = !entry.IsPresent ? RetPf.Retry
            : spte.IsWritable ? RetPf.Spurious
            : IsLocklesslyModifiable(spte) ? RetPf.Fixed
            : RetPf.Invalid;
        if (outcome == RetPf.Fixed)
        {
            using var fix = vm.Journal.Enter(KvmFunction.FastPfFixDirectSpte);
            vm.Writer.Write(entry.Page, entry.Index, spte.With(Spte.WritableMask), entry.Gfn, Tracepoint.FastPageFault);
            fault.Slot?.MarkDirty(entry.Gfn);
            fault.MappedLevel = entry.Level;
        }

        vm.Journal.FastFault(entry.Page, entry.Index, spte, outcome);
        if (outcome != RetPf.Invalid)
            vm.Stats.PfFast++;
        return outcome;
    }

    /// <remarks>KVM: spte_is_locklessly_modifiable().</remarks>
    private bool IsLocklesslyModifiable(Spte spte) => _format.IsHostWritable(spte) && _format.IsMmuWritable(spte);

    /// <returns>False: there is no frame to map, nor a device to remember.</returns>
    /// <remarks>KVM: handle_abnormal_pfn(), kvm_handle_bad_page().</remarks>
    private bool HandleAbnormalPfn(KvmVcpu vcpu, PageFault fault)
    {
        switch (fault.PfnKind)
        {
            case HostPfnKind.Valid:
                return true;
            case HostPfnKind.NoSlot:
                vcpu.Mmio.Remember(0, fault.Gfn, PteAccess.All, vm.MmioGeneration);
                return true;
            default:
                // KVM_RUN fails with EFAULT; userspace, which forbade the access, does not come back.
                vm.Journal.Note(ModelNote.EventNotModelled, fault.Address, fault.Gfn, 0);
                return false;
        }
    }

    /// <summary>The frame is part of a huge page of the host's, and the slot lets it be mapped as one.</summary>
    /// <remarks>KVM: transparent_hugepage_adjust(), mapping_level_dirty_bitmap().</remarks>
    private void AdjustForHugePage(PageFault fault)
    {
        if (fault.PfnKind != HostPfnKind.Valid || fault.Slot is not { LogsDirty: false } slot)
            return;
        if (vm.HostMemory.MappingLevel(slot, fault.Gfn) < PgLevel.Size2M || slot.LargePages.DisallowCount(fault.Gfn, PgLevel.Size2M) != 0)
            return;
        fault.GoalLevel = PgLevel.Size2M;
        var mask = PageLevels.PagesPerHugePage(PgLevel.Size2M) - 1;
        Invariant.Holds((fault.Gfn & mask) == (fault.Pfn & mask), $"gfn {fault.Gfn:x} and pfn {fault.Pfn:x} cannot share a huge page");
        fault.Gfn &= ~mask;
        fault.Pfn &= ~mask;
    }
}
