using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Handles faults at guest-physical addresses, as the kernel does.</summary>
internal interface IDirectFaults
{
    /// <summary>The handler of faults of EPT and NPT.</summary>
    KvmFunction TdpHandler { get; }

    RetPf TdpPageFault(KvmVcpu vcpu);

    /// <summary>The same for shadow paging while the guest has paging off.</summary>
    RetPf NonpagingPageFault(KvmVcpu vcpu);

    /// <summary>Makes the tables on the way to a frame, and no entry that maps it.</summary>
    /// <param name="vcpu">Whose tables.</param>
    /// <param name="gfn">The frame.</param>
    /// <param name="level">Of the lowest table.</param>
    /// <returns>False: not modelled.</returns>
    bool TryMapTables(KvmVcpu vcpu, ulong gfn, int level);
}

/// <summary>Handles faults at guest-physical addresses in phases.</summary>
/// <remarks>KVM: direct_page_fault() and its phases.</remarks>
internal sealed class DirectFaults(KvmVm vm, FaultPhases phases, FastFaults fast, DirectMapper mapper) : IDirectFaults
{
    public KvmFunction TdpHandler => KvmFunction.KvmTdpPageFault;

    private readonly KvmFunction _tdpMmuHandler = vm.Kernel.TdpMmuFaultsApart ? KvmFunction.KvmTdpMmuPageFault : KvmFunction.DirectPageFault;

    /// <remarks>KVM: kvm_tdp_page_fault().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RetPf TdpPageFault(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpPageFault);
        return Handle(vcpu);
    }

    /// <remarks>KVM: nonpaging_page_fault().</remarks>
    public RetPf NonpagingPageFault(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.NonpagingPageFault);
        // The tables have PAE form: 2 MiB is the largest page.
        vcpu.Fault.MaxLevel = PgLevel.Size2M;
        return Handle(vcpu);
    }

    /// <inheritdoc/>
    public bool TryMapTables(KvmVcpu vcpu, ulong gfn, int level)
    {
        vcpu.Fault.Begin(gfn << 12, 0, TdpHandler, nxHugePages: false);
        vcpu.Fault.Gfn = gfn;
        vcpu.Fault.PfnKind = Host.HostPfnKind.NoSlot;
        if (vcpu.Mmu.IsTdpMmu)
            vm.TdpMmu.Map(vcpu, level);
        else
            mapper.Map(vcpu, level);
        return true;
    }

    /// <remarks>KVM: direct_page_fault(), kvm_tdp_mmu_page_fault().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private RetPf Handle(KvmVcpu vcpu)
    {
        var isTdpMmu = vcpu.Mmu.IsTdpMmu;
        using var scope = vm.Journal.Enter(isTdpMmu ? _tdpMmuHandler : KvmFunction.DirectPageFault);
        var fault = vcpu.Fault;
        fault.Gfn = fault.Address >> 12;
        fault.Slot = vm.Memslots.Find(fault.Gfn);
        if (FaultPhases.IsWriteTracked(fault))
            return vm.WriteProtectedOutcome;
        var outcome = fast.Handle(vcpu);
        if (outcome != RetPf.Invalid)
            return outcome;
        outcome = phases.FaultinPfn(vcpu);
        if (outcome != RetPf.Continue)
            return outcome;
        outcome = phases.HandleAbnormalPfn(vcpu, PteAccess.All);
        if (outcome != RetPf.Continue)
            return outcome;
        if (isTdpMmu)
            return phases.IsStale(vcpu) ? RetPf.Retry : vm.TdpMmu.Map(vcpu);
        return phases.IsStaleOrMakesRoom(vcpu) ? RetPf.Retry : mapper.Map(vcpu);
    }
}
