using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <inheritdoc/>
internal sealed class GuestPaging<TPtes>(KvmVm vm, KvmGuestWalker<TPtes> walker, FaultPhases phases, ShadowFetch<TPtes> fetch) : IGuestPaging
    where TPtes : struct, IGuestPtes
{
    private readonly GuestWalk _walk = new();

    public RetPf PageFault(KvmVcpu vcpu, bool overridesSmap)
    {
        using var scope = vm.Journal.Enter(TPtes.PageFaultFunction);
        var fault = vcpu.Fault;
        var walk = _walk;
        if (!walker.Walk(vcpu, vcpu.Mmu, walk, fault.Address, fault.ErrorCode & ~Pferr.Reserved, overridesSmap))
        {
            vcpu.Injector.InjectEmulatedPageFault(walk.Fault);
            return RetPf.GuestFault;
        }

        fault.Gfn = walk.Gfn;
        fault.Slot = vm.Memslots.Find(fault.Gfn);
        if (FaultPhases.IsWriteTracked(fault))
        {
            WriteFlooding.Clear(vcpu, fault.Address);
            return vm.WriteProtectedOutcome;
        }

        fault.MaxLevel = vm.Kernel.SplitsSelfMaps && IsSelfChangeMapping(vcpu, fault, walk) ? PgLevel.Size4K : walk.Level;
        var outcome = phases.FaultinPfn(vcpu);
        if (outcome != RetPf.Continue)
            return outcome;
        outcome = phases.HandleAbnormalPfn(vcpu, walk.PteAccess);
        if (outcome != RetPf.Continue)
            return outcome;
        AllowSupervisorWrite(vcpu.Mmu.CpuRole, fault, walk);
        return phases.IsStaleOrMakesRoom(vcpu) ? RetPf.Retry : fetch.Fetch(vcpu, walk);
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
}
