using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Exits of Intel's VMX.</summary>
/// <remarks>KVM: vmx_handle_exit() and the handlers of kvm_vmx_exit_handlers.</remarks>
internal sealed class VmxExits(KvmVcpu vcpu, PageFaults faults) : IExitHandlers
{
    private const ulong AccessRead = 1UL << 0;
    private const ulong AccessWrite = 1UL << 1;
    private const ulong AccessFetch = 1UL << 2;
    private const ulong EntryReadable = 1UL << 3;
    private const ulong EntryRights = 7UL << 3;
    private const ulong GvaIsValid = 1UL << 7;
    private const ulong OnFinalTranslation = 1UL << 8;

    private readonly KvmVm _vm = vcpu.Vm;

    public ExitResult Handle(in VmExit exit)
    {
        vcpu.FlushPmlBuffer();
        switch (exit.Reason)
        {
            case ExitReason.EptViolation:
                return HandleEptViolation(exit);
            case ExitReason.EptMisconfig:
                return HandleEptMisconfig(exit);
            case ExitReason.PageFault:
                using (_vm.Journal.Enter(KvmFunction.HandleException))
                    return faults.HandleIntercepted(vcpu, exit);
            case ExitReason.Cr0Write or ExitReason.Cr3Write or ExitReason.Cr4Write:
                return HandleCr(exit);
            case ExitReason.EferWrite:
                using (_vm.Journal.Enter(KvmFunction.HandleWrmsr))
                    vcpu.RegisterWrites.SetEfer(exit.Info2);
                return ExitResult.Emulated;
            case ExitReason.Invlpg:
                using (_vm.Journal.Enter(KvmFunction.HandleInvlpg))
                    vcpu.TlbInstructions.Invlpg(exit.Info2);
                return ExitResult.Emulated;
            case ExitReason.Invpcid:
                using (_vm.Journal.Enter(KvmFunction.HandleInvpcid))
                    vcpu.TlbInstructions.Invpcid(exit.Info1, exit.Info2, exit.Gva);
                return ExitResult.Emulated;
            case ExitReason.Invept:
                ((NestedVmx)vcpu.Nested).Invept(exit.Info1, exit.Info2);
                return ExitResult.Emulated;
            case ExitReason.Invvpid:
                ((NestedVmx)vcpu.Nested).Invvpid();
                return ExitResult.Emulated;
            case ExitReason.NestedExit:
                using (_vm.Journal.Enter(KvmFunction.NestedVmxReflectVmexit))
                    vcpu.Nested.Exit(exit.Info1, exit.Info2, exit.Gva);
                return ExitResult.Emulated;
            case ExitReason.PmlFull:
                // Everything was done when the buffer was emptied.
                return ExitResult.Retry;
            default:
                throw new InvariantViolation($"exit reason {exit.Reason} does not occur on Intel in mode {_vm.Mode}");
        }
    }

    /// <remarks>KVM: handle_vmlaunch(), handle_vmresume().</remarks>
    public void EnterNested(ulong control, NestedEntry entry)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.HandleVmresume);
        vcpu.Nested.Enter(control, entry);
    }

    /// <remarks>KVM: handle_ept_violation().</remarks>
    private ExitResult HandleEptViolation(in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.HandleEptViolation);
        var qualification = exit.Info1;
        if (!_vm.Kernel.TellsReadsAndFetches)
        {
            var present = (qualification & EntryReadable) != 0 ? Pferr.Present : 0;
            var write = (qualification & AccessWrite) != 0 ? Pferr.Write : 0;
            return faults.Handle(vcpu, exit.Info2, present | write, exit);
        }

        var errorCode = (qualification & AccessRead) != 0 ? Pferr.User : 0;
        if ((qualification & AccessWrite) != 0)
            errorCode |= Pferr.Write;
        if ((qualification & AccessFetch) != 0)
            errorCode |= Pferr.Fetch;
        if ((qualification & EntryRights) != 0)
            errorCode |= Pferr.Present;
        if ((qualification & GvaIsValid) != 0 || !_vm.Kernel.TellsWalkOnlyForGva)
            errorCode |= (qualification & OnFinalTranslation) != 0 ? Pferr.GuestFinal : Pferr.GuestPage;
        vcpu.Nested.HardwareFault = (qualification, exit.Info2);
        var result = faults.Handle(vcpu, exit.Info2, errorCode, exit);
        vcpu.Nested.HardwareFault = null;
        return result;
    }

    /// <remarks>KVM: handle_ept_misconfig().</remarks>
    private ExitResult HandleEptMisconfig(in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.HandleEptMisconfig);
        return _vm.Kernel.MisconfigurationsAreFaults
            ? faults.Handle(vcpu, exit.Info2, Pferr.Reserved, exit)
            : faults.HandleMisconfiguration(vcpu, exit);
    }

    /// <remarks>KVM: handle_cr().</remarks>
    private ExitResult HandleCr(in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.HandleCr);
        vcpu.RegisterWrites.SetCr(exit);
        return ExitResult.Emulated;
    }
}
