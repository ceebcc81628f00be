using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>Flushes of one vCPU's TLB.</summary>
/// <remarks>KVM: vmx_flush_tlb_*(), svm_flush_tlb_*().</remarks>
internal sealed class VcpuTlb(KvmVcpu vcpu, TreeSync treeSync)
{
    /// <summary>See <see cref="Hardware.IHypervisor.FlushEpoch"/>.</summary>
    public long Epoch { get; private set; }

    /// <summary>Translations cached so far are void, for another reason than a flush by this vCPU.</summary>
    public void Void() => Epoch++;

    /// <remarks>KVM: kvm_vcpu_flush_tlb_all().</remarks>
    public void FlushAll()
    {
        vcpu.Vm.Stats.TlbFlush++;
        Flush(FlushKind.All, 0, vcpu.FlushRequester);
    }

    /// <remarks>KVM: kvm_vcpu_flush_tlb_current().</remarks>
    public void FlushCurrentOnRequest()
    {
        vcpu.Vm.Stats.TlbFlush++;
        FlushCurrent();
    }

    /// <summary>Drops what came from the current root.</summary>
    /// <remarks>KVM: vmx_flush_tlb_current(), which does nothing without a root; svm_flush_tlb_current().</remarks>
    public void FlushCurrent()
    {
        if (vcpu.Mmu.Root.IsValid || vcpu.Vm.Profile.Vendor == CpuVendor.Amd)
            Flush(FlushKind.Current, 0);
    }

    /// <remarks>KVM: kvm_vcpu_flush_tlb_guest().</remarks>
    public void FlushGuestOnRequest()
    {
        vcpu.Vm.Stats.TlbFlush++;
        if (!vcpu.Vm.TdpEnabled)
        {
            treeSync.SyncRoots(vcpu);
            treeSync.SyncPreviousRoots(vcpu);
        }

        Flush(FlushKind.Guest, 0);
    }

    /// <remarks>KVM: kvm_x86_flush_tlb_gva.</remarks>
    public void FlushGva(ulong gva) => Flush(FlushKind.Gva, gva);

    private void Flush(FlushKind kind, ulong start, int? requester = null)
    {
        vcpu.Vm.Journal.Flush(kind, start, requester: requester ?? vcpu.Id);
        Epoch++;
    }
}
