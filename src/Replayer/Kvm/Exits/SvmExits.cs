using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Exits of AMD's SVM.</summary>
/// <remarks>KVM: svm_handle_exit() and the handlers of svm_exit_handlers.</remarks>
internal sealed class SvmExits(KvmVcpu vcpu) : IExitHandlers
{
    private readonly KvmVm _vm = vcpu.Vm;

    public ExitResult Handle(in VmExit exit)
    {
        switch (exit.Reason)
        {
            case ExitReason.Npf:
                using (_vm.Journal.Enter(KvmFunction.NpfInterception))
                    return _vm.ShadowMmu.Faults.Handle(vcpu, exit.Info2, exit.Info1, exit);
            case ExitReason.Cr0Write or ExitReason.Cr3Write or ExitReason.Cr4Write:
                using (_vm.Journal.Enter(KvmFunction.CrInterception))
                    vcpu.RegisterWrites.SetCr(exit);
                return ExitResult.Emulated;
            case ExitReason.EferWrite:
                using (_vm.Journal.Enter(KvmFunction.MsrInterception))
                    vcpu.RegisterWrites.SetEfer(exit.Info2);
                return ExitResult.Emulated;
            default:
                throw new InvariantViolation($"exit reason {exit.Reason} does not occur on AMD in mode {_vm.Mode}");
        }
    }
}
