using System.Runtime.CompilerServices;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Where every fault that concerns the MMU arrives.</summary>
internal sealed class PageFaults(
    KvmVm vm, MmioFaults mmio, IDirectFaults direct, PerForm<IGuestPaging> pagings, GuestTableWrites tableWrites, GuestTranslation translation)
{
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="address">Gpa with two-dimensional paging, otherwise gva.</param>
    /// <param name="errorCode">KVM's error code, <see cref="Pferr"/>.</param>
    /// <param name="exit">The exit, for what the instruction does.</param>
    /// <remarks>KVM: kvm_mmu_page_fault().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ExitResult Handle(KvmVcpu vcpu, ulong address, ulong errorCode, in VmExit exit)
    {
        Invariant.Holds(vcpu.Mmu.Root.IsValid, "a fault came while no root was loaded");
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuPageFault);
        var outcome = RetPf.Invalid;
        if ((errorCode & Pferr.Reserved) != 0)
        {
            outcome = mmio.Handle(vcpu, address);
            if (outcome != RetPf.Invalid)
                return HandleMmio(vcpu, address, errorCode, outcome, exit);
        }

        vm.Journal.BeginFault(address, exit.Gva, errorCode, vcpu.Mmu.PageFaultHandler, exit.Access);
        outcome = Dispatch(vcpu, address, errorCode & vm.Kernel.FaultErrorCodeMask, (exit.Flags & AccessFlags.AlignmentCheck) != 0);
        var mayRetry = !vm.Kernel.WriteProtectedIsAnOutcome && !mmio.IsInCache(vcpu, address);
        var decided = outcome == RetPf.WriteProtected ? HandleWriteProtected(vcpu, address, errorCode, exit, out mayRetry) : outcome;
        Count(decided);
        var result = decided switch
        {
            RetPf.Emulate when outcome == RetPf.Emulate && vcpu.Mmu.RootRole.Direct && (errorCode & Pferr.NestedGuestPage) == Pferr.NestedGuestPage
                => UnprotectGuestTable(address),
            RetPf.Emulate => vcpu.Emulator.EmulateFaultingInstruction(address, exit, mayRetry && !vcpu.IsGuestMode),
            RetPf.GuestFault => ExitResult.GuestFault,
            _ => ExitResult.Retry,
        };
        vm.Journal.EndFault(outcome, vcpu.Fault.MappedLevel);
        return result;
    }

    /// <summary>An EPT misconfiguration in a kernel that takes it for MMIO without asking further.</summary>
    /// <remarks>KVM: handle_ept_misconfig(), handle_mmio_page_fault_common().</remarks>
    public ExitResult HandleMisconfiguration(KvmVcpu vcpu, in VmExit exit) =>
        HandleMmio(vcpu, exit.Info2, Pferr.Reserved, mmio.Handle(vcpu, exit.Info2), exit);

    /// <summary>The CPU walks a table of the guest's that is itself shadowed as a table: it must be able to write it.</summary>
    private ExitResult UnprotectGuestTable(ulong gpa)
    {
        tableWrites.Unprotect(gpa >> 12);
        return ExitResult.Retry;
    }

    /// <summary>
    /// The page written stays write-protected: retry where the CPU's own access met a table that need not be protected, else emulate.
    /// Once for an instruction and address, lest it go on for ever.
    /// </summary>
    /// <remarks>KVM: kvm_mmu_write_protect_fault(), is_write_to_guest_page_table(), kvm_event_needs_reinjection().</remarks>
    private RetPf HandleWriteProtected(KvmVcpu vcpu, ulong address, ulong errorCode, in VmExit exit, out bool mayRetry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuWriteProtectFault);
        const ulong writesGuestTable = Pferr.GuestPage | Pferr.Write | Pferr.Present;
        mayRetry = vcpu.LastRetry != (vm.Journal.Rip, address);
        if (!mayRetry)
            return RetPf.Emulate;
        vcpu.LastRetry = default;
        var isSpared = vcpu.Mmu.RootRole.Direct ? (errorCode & writesGuestTable) == writesGuestTable : (exit.Flags & AccessFlags.Implicit) != 0;
        if (!isSpared || !tableWrites.UnprotectForRetry(vcpu, address, userBit: 0, overridesSmap: false))
            return RetPf.Emulate;
        vcpu.LastRetry = (vm.Journal.Rip, address);
        return RetPf.Retry;
    }

    private ExitResult HandleMmio(KvmVcpu vcpu, ulong address, ulong errorCode, RetPf outcome, in VmExit exit)
    {
        var handler = vm.Kernel.MisconfigurationsAreFaults ? KvmFunction.HandleMmioPageFault : KvmFunction.HandleMmioPageFaultCommon;
        vm.Journal.BeginFault(address, exit.Gva, errorCode, handler, exit.Access);
        var result = outcome == RetPf.Emulate ? vcpu.Emulator.EmulateFaultingInstruction(address, exit, mayRetry: false) : ExitResult.Retry;
        vm.Journal.EndFault(outcome, 0);
        return result;
    }

    /// <summary>A #PF that was intercepted. One that hit while an event was being delivered may be for a page that KVM protects for no good.</summary>
    /// <remarks>KVM: kvm_handle_page_fault(), kvm_mmu_unprotect_page_virt(). Every access of the CPU's own is taken for such a delivery.</remarks>
    public ExitResult HandleIntercepted(KvmVcpu vcpu, in VmExit exit)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmHandlePageFault);
        if (vm.Kernel.UnprotectsOnEventDelivery
            && (exit.Flags & AccessFlags.Implicit) != 0
            && translation.TryTranslate(vcpu, exit.Info2, 0, overridesSmap: false, out var gpa, out _) && gpa is { } address)
            tableWrites.Unprotect(address >> 12);
        return Handle(vcpu, exit.Info2, exit.Info1, exit);
    }

    /// <summary>Maps what the vCPU had mapped before anything was seen of it: as a fault would, and without one.</summary>
    /// <param name="vcpu">The vCPU, with its roots loaded.</param>
    /// <param name="gfn">The frame.</param>
    /// <param name="writes">It had been written, where that can be.</param>
    public void MapEarlier(KvmVcpu vcpu, ulong gfn, bool writes)
    {
        Dispatch(vcpu, gfn << 12, writes ? Pferr.Write : 0, overridesSmap: false);
        vm.Stats.PfTaken--;
    }

    /// <inheritdoc cref="IDirectFaults.TryMapTables"/>
    public bool TryMapTables(KvmVcpu vcpu, ulong gfn, int level) => direct.TryMapTables(vcpu, gfn, level);

    /// <remarks>KVM: kvm_mmu_do_page_fault().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private RetPf Dispatch(KvmVcpu vcpu, ulong address, ulong errorCode, bool overridesSmap)
    {
        var handler = vcpu.Mmu.PageFaultHandler;
        vcpu.Fault.Begin(address, errorCode, handler, vm.Profile.NxHugePages);
        vm.Stats.PfTaken++;
        return handler switch
        {
            KvmFunction.KvmTdpPageFault or KvmFunction.TdpPageFault => direct.TdpPageFault(vcpu),
            KvmFunction.NonpagingPageFault => direct.NonpagingPageFault(vcpu),
            _ => pagings.Of(vcpu.Mmu)!.PageFault(vcpu, overridesSmap),
        };
    }

    /// <remarks>KVM: kvm_mmu_do_page_fault(); later kvm_mmu_page_fault().</remarks>
    private void Count(RetPf outcome)
    {
        switch (outcome)
        {
            case RetPf.Fixed:
                vm.Stats.PfFixed++;
                break;
            case RetPf.Emulate:
                vm.Stats.PfEmulate++;
                break;
            case RetPf.Spurious:
                vm.Stats.PfSpurious++;
                break;
            default:
                break;
        }
    }
}
