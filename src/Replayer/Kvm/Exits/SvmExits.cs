using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Exits of AMD's SVM. A CPU without decode assists does not tell operands: KVM's emulator reads the instruction.</summary>
/// <remarks>KVM: svm_handle_exit() and the handlers of svm_exit_handlers.</remarks>
internal sealed class SvmExits(KvmVcpu vcpu, PageFaults faults) : IExitHandlers
{
    private readonly KvmVm _vm = vcpu.Vm;

    public ExitResult Handle(in VmExit exit)
    {
        switch (exit.Reason)
        {
            case ExitReason.Npf:
                return HandleNpf(exit);
            case ExitReason.PageFault:
                using (_vm.Journal.Enter(KvmFunction.PfInterception))
                    return faults.HandleIntercepted(vcpu, exit);
            case ExitReason.Cr0Write or ExitReason.Cr3Write or ExitReason.Cr4Write:
                using (_vm.Journal.Enter(KvmFunction.CrInterception))
                {
                    DecodeUnlessAssisted();
                    vcpu.RegisterWrites.SetCr(exit);
                }

                return ExitResult.Emulated;
            case ExitReason.Invlpg:
                using (_vm.Journal.Enter(KvmFunction.InvlpgInterception))
                {
                    DecodeUnlessAssisted();
                    vcpu.TlbInstructions.Invlpg(exit.Info2);
                }

                return ExitResult.Emulated;
            case ExitReason.EferWrite:
                using (_vm.Journal.Enter(KvmFunction.MsrInterception))
                {
                    vcpu.RegisterWrites.SetEfer(exit.Info2);
                    SkipInstruction();
                }

                return ExitResult.Emulated;
            case ExitReason.Invpcid:
                using (_vm.Journal.Enter(KvmFunction.InvpcidInterception))
                {
                    vcpu.TlbInstructions.Invpcid(exit.Info1, exit.Info2, exit.Gva);
                    SkipInstruction();
                }

                return ExitResult.Emulated;
            case ExitReason.Invlpga:
                using (_vm.Journal.Enter(KvmFunction.InvlpgaInterception))
                {
                    vcpu.TlbInstructions.Invlpg(exit.Info2);
                    SkipInstruction();
                }

                return ExitResult.Emulated;
            case ExitReason.NestedExit:
                using (_vm.Journal.Enter(KvmFunction.NestedSvmExitHandled))
                    vcpu.Nested.Exit(exit.Info1, exit.Info2, exit.Gva);
                return ExitResult.Emulated;
            default:
                throw new InvariantViolation($"exit reason {exit.Reason} does not occur on AMD in mode {_vm.Mode}");
        }
    }

    /// <remarks>KVM: vmrun_interception().</remarks>
    public void EnterNested(ulong control, NestedEntry entry)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.VmrunInterception);
        SkipInstruction();
        vcpu.Nested.Enter(control, entry);
    }

    private ExitResult HandleNpf(in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.NpfInterception);
        if (!vcpu.IsNested)
            return faults.Handle(vcpu, exit.Info2, exit.Info1, exit);
        vcpu.Nested.HardwareFault = (exit.Info1, exit.Info2);
        var result = faults.Handle(vcpu, exit.Info2, exit.Info1, exit);
        vcpu.Nested.HardwareFault = null;
        return result;
    }

    private void DecodeUnlessAssisted()
    {
        if (!_vm.Profile.DecodeAssists)
        {
            vcpu.Emulator.Decode();
            vcpu.Emulator.ForgetRetry();
        }
    }

    /// <summary>Without next-RIP saving the length of an instruction must be read from it.</summary>
    private void SkipInstruction()
    {
        if (!_vm.Profile.Nrips)
            vcpu.Emulator.Decode();
    }
}
