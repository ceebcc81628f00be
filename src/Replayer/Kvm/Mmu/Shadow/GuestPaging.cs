using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <inheritdoc/>
internal sealed class GuestPaging<TPtes> : IGuestPaging
    where TPtes : struct, IGuestPtes
{
    private readonly KvmVm _vm;
    private readonly ShadowMmu _mmu;
    private readonly KvmGuestWalker<TPtes> _walker;
    private readonly ShadowFetch<TPtes> _fetch;
    private readonly GpteSync<TPtes> _sync;
    private readonly GuestWalk _faultWalk = new();
    private readonly GuestWalk _translationWalk = new();
    private readonly GuestWalk _nestedWalk = new();

    public GuestPaging(KvmVm vm, ShadowMmu mmu)
    {
        _vm = vm;
        _mmu = mmu;
        _walker = new KvmGuestWalker<TPtes>(vm);
        var prefetch = new GptePrefetch<TPtes>(vm, mmu);
        _fetch = new ShadowFetch<TPtes>(vm, mmu, prefetch);
        _sync = GpteSync<TPtes>.For(vm, mmu, prefetch);
    }

    public RetPf PageFault(KvmVcpu vcpu, bool overridesSmap)
    {
        using var scope = _vm.Journal.Enter(TPtes.PageFaultFunction);
        var fault = vcpu.Fault;
        var walk = _faultWalk;
        if (!_walker.Walk(vcpu, vcpu.Mmu, walk, fault.Address, fault.ErrorCode & ~Pferr.Reserved, overridesSmap))
        {
            vcpu.Injector.InjectEmulatedPageFault(walk.Fault);
            return RetPf.GuestFault;
        }

        fault.Gfn = walk.Gfn;
        fault.Slot = _vm.Memslots.Find(fault.Gfn);
        if (FaultPhases.IsWriteTracked(fault))
        {
            ClearFlood(vcpu, fault.Address);
            return _vm.WriteProtectedOutcome;
        }

        fault.MaxLevel = _vm.Kernel.SplitsSelfMaps && IsSelfChangeMapping(vcpu, fault, walk) ? PgLevel.Size4K : walk.Level;
        var outcome = _mmu.FaultPhases.FaultinPfn(vcpu);
        if (outcome != RetPf.Continue)
            return outcome;
        outcome = _mmu.FaultPhases.HandleAbnormalPfn(vcpu, walk.PteAccess);
        if (outcome != RetPf.Continue)
            return outcome;
        AllowSupervisorWrite(vcpu.Mmu.CpuRole, fault, walk);
        return _mmu.FaultPhases.IsStaleOrMakesRoom(vcpu) ? RetPf.Retry : _fetch.Fetch(vcpu, walk);
    }

    public int SyncPage(KvmVcpu vcpu, ShadowPage page) => _sync.SyncPage(vcpu, page);

    public void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root) => _sync.Invlpg(vcpu, gva, root);

    public bool TryTranslate(KvmVcpu vcpu, KvmMmu mmu, ulong address, ulong access, bool overridesSmap, out ulong gpa, out WalkFault fault)
    {
        // A walk of a nested guest's tables makes walks of its hypervisor's.
        var walk = ReferenceEquals(mmu, vcpu.GuestMmu) ? _nestedWalk : _translationWalk;
        var found = _walker.Walk(vcpu, mmu, walk, address, access, overridesSmap);
        gpa = found ? walk.Gfn << 12 | (address & 0xfff) : 0;
        fault = found ? default : walk.Fault;
        return found;
    }

    /// <summary>
    /// With CR0.WP clear a supervisor may write a read-only page: it is mapped for the supervisor alone, and with SMEP not for fetches.
    /// </summary>
    private static void AllowSupervisorWrite(in CpuRole role, PageFault fault, GuestWalk walk)
    {
        if (!fault.Write || fault.User || fault.Slot is null || role.Base.Cr0Wp || (walk.PteAccess & PteAccess.Write) != 0)
            return;
        walk.PteAccess = (walk.PteAccess | PteAccess.Write) & ~PteAccess.User;
        if (role.Cr4Smep)
            walk.PteAccess &= ~PteAccess.Exec;
    }

    /// <summary>The page mapped is one of the tables that map it: it is going to be shadowed, so a huge page would not last.</summary>
    /// <remarks>KVM: FNAME(is_self_change_mapping)().</remarks>
    private static bool IsSelfChangeMapping(KvmVcpu vcpu, PageFault fault, GuestWalk walk)
    {
        if ((walk.PteAccess & PteAccess.Write) == 0 && (vcpu.Mmu.CpuRole.Base.Cr0Wp || fault.User))
            return false;
        var mask = ~(PageLevels.PagesPerHugePage(walk.Level) - 1);
        var changes = false;
        for (var level = walk.Level; level <= walk.MaxLevel; level++)
        {
            var difference = walk.Gfn ^ walk.TableGfns[level];
            changes |= (difference & mask) == 0;
            fault.WriteFaultToShadowPageTable |= difference == 0;
        }

        return changes;
    }

    /// <remarks>KVM: shadow_page_table_clear_flood().</remarks>
    private static void ClearFlood(KvmVcpu vcpu, ulong address)
    {
        for (var walk = ShadowWalk.From(vcpu, address); walk.IsOkay; walk.Next())
            walk.Page.WriteFloodingCount = 0;
    }
}
