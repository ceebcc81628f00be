using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>Hands a page fault to the guest, or to its hypervisor.</summary>
internal sealed class FaultInjector(KvmVcpu vcpu)
{
    /// <summary>Error code of the last fault injected.</summary>
    public uint ErrorCode { get; private set; }

    /// <summary>A translation that denied the access may be stale: it is dropped first, as the CPU would.</summary>
    /// <remarks>KVM: kvm_inject_emulated_page_fault(), kvm_inject_page_fault().</remarks>
    public void InjectEmulatedPageFault(in WalkFault fault)
    {
        using var scope = vcpu.Vm.Journal.Enter(KvmFunction.KvmInjectEmulatedPageFault);
        var (address, errorCode, isNested) = (fault.Address, fault.ErrorCode, fault.IsNested);
        var mmu = isNested ? vcpu.Mmu : vcpu.WalkMmu;
        if ((errorCode & (Pferr.Present | Pferr.Reserved)) == Pferr.Present)
            vcpu.TlbInstructions.InvalidateGva(mmu, address, mmu.Root.Table);
        if (isNested)
        {
            vcpu.Nested.InjectTableFault(fault);
            return;
        }

        vcpu.Vm.Stats.PfGuest++;
        if (vcpu.Nested.InterceptsPageFaults)
        {
            vcpu.Nested.QueuePageFaultExit(address, errorCode);
            return;
        }

        ErrorCode = errorCode;
        vcpu.Registers.Cr2 = address;
        vcpu.Vm.Journal.GuestFault(address, errorCode);
    }
}
