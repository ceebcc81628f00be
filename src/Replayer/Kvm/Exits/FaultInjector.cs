using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Hands a page fault to the guest.</summary>
internal sealed class FaultInjector(KvmVcpu vcpu)
{
    /// <summary>Error code of the last fault injected.</summary>
    public uint ErrorCode { get; private set; }

    /// <summary>A translation that denied the access may be stale: it is dropped first, as the CPU would.</summary>
    /// <remarks>KVM: kvm_inject_emulated_page_fault(), kvm_inject_page_fault().</remarks>
    public void InjectEmulatedPageFault(ulong address, uint errorCode)
    {
        using var scope = vcpu.Vm.Journal.Enter(KvmFunction.KvmInjectEmulatedPageFault);
        if ((errorCode & (PageFaultError.Present | PageFaultError.Reserved)) == PageFaultError.Present)
            vcpu.Invalidations.InvalidateGva(address, vcpu.Mmu.Root.Table);
        vcpu.Vm.Stats.PfGuest++;
        ErrorCode = errorCode;
        vcpu.Registers.Cr2 = address;
        vcpu.Vm.Journal.GuestFault(address, errorCode);
    }
}
