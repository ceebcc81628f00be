using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Where every fault that concerns the MMU arrives.</summary>
internal sealed class PageFaults(KvmVm vm, ShadowMmu mmu)
{
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="address">Gpa with two-dimensional paging, otherwise gva.</param>
    /// <param name="errorCode">KVM's error code, <see cref="PageFaultError"/>.</param>
    /// <param name="exit">The exit, for what the instruction does.</param>
    /// <remarks>KVM: kvm_mmu_page_fault().</remarks>
    public ExitResult Handle(KvmVcpu vcpu, ulong address, ulong errorCode, in VmExit exit)
    {
        Invariant.Holds(vcpu.Mmu.Root.IsValid, "a fault came while no root was loaded");
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuPageFault);
        var outcome = RetPf.Invalid;
        if ((errorCode & PageFaultError.Reserved) != 0)
        {
            outcome = mmu.MmioFaults.Handle(vcpu, address);
            if (outcome != RetPf.Invalid)
                return HandleMmio(vcpu, address, errorCode, outcome, exit);
        }

        vm.Journal.BeginFault(address, exit.Gva, errorCode, vcpu.Mmu.PageFaultHandler, exit.Access);
        outcome = Dispatch(vcpu, address, (uint)errorCode);
        var result = outcome switch
        {
            RetPf.Emulate => vcpu.Emulator.EmulateFaultingInstruction(address, exit, vcpu.Fault.WriteFaultToShadowPageTable),
            RetPf.GuestFault => ExitResult.GuestFault,
            _ => ExitResult.Retry,
        };
        vm.Journal.EndFault(outcome, vcpu.Fault.MappedLevel);
        return result;
    }

    private ExitResult HandleMmio(KvmVcpu vcpu, ulong address, ulong errorCode, RetPf outcome, in VmExit exit)
    {
        vm.Journal.BeginFault(address, exit.Gva, errorCode, KvmFunction.HandleMmioPageFault, exit.Access);
        var result = outcome == RetPf.Emulate ? vcpu.Emulator.EmulateMmio(exit) : ExitResult.Retry;
        vm.Journal.EndFault(outcome, 0);
        return result;
    }

    /// <remarks>KVM: kvm_mmu_do_page_fault().</remarks>
    private RetPf Dispatch(KvmVcpu vcpu, ulong address, uint errorCode)
    {
        var handler = vcpu.Mmu.PageFaultHandler;
        vcpu.Fault.Begin(address, errorCode, handler, vm.Profile.NxHugePages);
        vm.Stats.PfTaken++;
        var outcome = handler switch
        {
            KvmFunction.KvmTdpPageFault => mmu.DirectFaults.TdpPageFault(vcpu),
            KvmFunction.NonpagingPageFault => mmu.DirectFaults.NonpagingPageFault(vcpu),
            _ => throw new InvariantViolation($"no handler of faults is set up, or an unknown one: {handler}"),
        };
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

        return outcome;
    }
}
