using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Handles faults on entries that were made to fault: those that remember an MMIO page.</summary>
internal sealed class MmioFaults(KvmVm vm)
{
    private readonly Spte[] _byLevel = new Spte[PgLevel.Root5 + 1];

    /// <returns>Emulate; Invalid: the entry is out of date; Retry: it is no MMIO entry any more.</returns>
    /// <remarks>KVM: handle_mmio_page_fault().</remarks>
    public RetPf Handle(KvmVcpu vcpu, ulong address)
    {
        using var scope = vm.Journal.Enter(KvmFunction.HandleMmioPageFault);
        if (IsInCache(vcpu, address))
            return RetPf.Emulate;
        var spte = Find(vcpu, address);
        if (!vm.Format.IsMmio(spte))
            return RetPf.Retry;
        var generation = vm.MmioGeneration;
        if (vm.Kernel.MmioEntriesHaveGeneration && !MmioGeneration.IsCurrent(spte, generation))
            return RetPf.Invalid;
        var gva = vcpu.Mmu.RootRole.Direct || vcpu.IsNested ? 0 : address;
        vcpu.Mmio.Remember(gva, vm.Format.MmioGfn(spte), vm.Format.MmioAccess(spte), generation);
        return RetPf.Emulate;
    }

    /// <remarks>KVM: mmio_info_in_cache().</remarks>
    public bool IsInCache(KvmVcpu vcpu, ulong address) => !vcpu.IsNested && (vcpu.Mmu.RootRole.Direct
        ? vcpu.Mmio.MatchesGpa(address, vm.MmioGeneration)
        : vcpu.Mmio.MatchesGva(address, vm.MmioGeneration));

    /// <summary>The last entry on the way to the address.</summary>
    /// <remarks>KVM: get_mmio_spte().</remarks>
    private Spte Find(KvmVcpu vcpu, ulong address)
    {
        if (vcpu.Mmu.IsTdpMmu)
        {
            var leaf = vm.TdpMmu.GetWalk(vcpu.Mmu.Root.ShadowPage!, address >> 12, _byLevel);
            return leaf < 0 ? default : _byLevel[leaf];
        }

        var spte = default(Spte);
        for (var walk = ShadowWalk.From(vcpu, address); walk.IsOkay; walk.Next())
            spte = walk.Value;
        return spte;
    }
}
