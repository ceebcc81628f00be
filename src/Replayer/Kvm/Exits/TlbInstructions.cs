using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>The guest's own TLB instructions, where they exit: with shadow paging they concern KVM's tables.</summary>
internal sealed class TlbInstructions(KvmVcpu vcpu, PerForm<IGpteSync> syncs)
{
    private const ulong PcidMask = 0xfff;

    private readonly KvmVm _vm = vcpu.Vm;

    /// <remarks>KVM: kvm_mmu_invlpg().</remarks>
    public void Invlpg(ulong gva)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuInvlpg);
        InvalidateGva(vcpu.WalkMmu, gva, root: null);
        _vm.Stats.Invlpg++;
    }

    /// <summary>Drops one translation.</summary>
    /// <param name="mmu">Whose.</param>
    /// <param name="gva">The address; a nested guest's physical one where the tables are its hypervisor's.</param>
    /// <param name="root">The tree it is dropped from; null: of all roots the vCPU has, because it may be global.</param>
    /// <remarks>KVM: kvm_mmu_invalidate_gva(), later kvm_mmu_invalidate_addr().</remarks>
    public void InvalidateGva(KvmMmu mmu, ulong gva, TablePage? root)
    {
        var isGva = !ReferenceEquals(mmu, vcpu.GuestMmu);
        if (isGva && !CpuGuestWalker.IsCanonical(gva, (vcpu.Registers.Cr4 & ControlBits.Cr4La57) != 0 ? PgLevel.Root5 : PgLevel.Root4))
            return;
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuInvalidateGva);
        if (isGva)
            vcpu.Tlb.FlushGva(gva);
        if (ReferenceEquals(mmu, vcpu.NestedMmu) || syncs.Of(mmu) is not { } sync)
            return;
        if (root is not null)
        {
            sync.Invlpg(vcpu, gva, root);
            return;
        }

        sync.Invlpg(vcpu, gva, mmu.Root.Table);
        foreach (var previous in mmu.PreviousRoots)
        {
            if (previous.IsValid)
                sync.Invlpg(vcpu, gva, previous.Table);
        }
    }

    /// <remarks>KVM: kvm_handle_invpcid().</remarks>
    public void Invpcid(ulong type, ulong pcid, ulong gva)
    {
        switch (type)
        {
            case 0:
                InvpcidAddress(gva, pcid);
                break;
            case 1:
                vcpu.RegisterWrites.InvalidatePcid(pcid);
                break;
            default:
                // KVM marks no translation global: with or without global pages is the same.
                vcpu.Requests |= VcpuRequests.TlbFlushGuest;
                break;
        }
    }

    /// <summary>First the CPU's translation, then those of the roots.</summary>
    /// <remarks>KVM: kvm_mmu_invpcid_gva() since Linux 6.4, kvm_mmu_invalidate_addr().</remarks>
    private void InvalidateRootsOf(ulong pcid, ulong gva)
    {
        var current = pcid == vcpu.ActivePcid;
        var found = current;
        foreach (var previous in vcpu.Mmu.PreviousRoots)
            found |= IsOf(previous, pcid);
        if (!found)
            return;
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuInvalidateGva);
        vcpu.Tlb.FlushGva(gva);
        if (syncs.Of(vcpu.Mmu) is not { } sync)
            return;
        if (current)
            sync.Invlpg(vcpu, gva, vcpu.Mmu.Root.Table);
        foreach (var previous in vcpu.Mmu.PreviousRoots)
        {
            if (IsOf(previous, pcid))
                sync.Invlpg(vcpu, gva, previous.Table);
        }
    }

    private bool IsOf(Mmu.MmuRoot root, ulong pcid) => root.IsValid && pcid == (vcpu.Registers.Pcide ? root.Pgd & PcidMask : 0);

    /// <remarks>KVM: kvm_mmu_invpcid_gva().</remarks>
    private void InvpcidAddress(ulong gva, ulong pcid)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuInvpcidGva);
        if (_vm.Kernel.SyncsEntryByEntry)
        {
            InvalidateRootsOf(pcid, gva);
            _vm.Stats.Invlpg++;
            return;
        }

        var sync = syncs.Of(vcpu.Mmu);
        var flush = false;
        if (pcid == vcpu.ActivePcid)
        {
            sync?.Invlpg(vcpu, gva, vcpu.Mmu.Root.Table);
            flush = true;
        }

        foreach (var previous in vcpu.Mmu.PreviousRoots)
        {
            if (!IsOf(previous, pcid))
                continue;
            sync?.Invlpg(vcpu, gva, previous.Table);
            flush = true;
        }

        if (flush)
            vcpu.Tlb.FlushGva(gva);
        _vm.Stats.Invlpg++;
    }
}
