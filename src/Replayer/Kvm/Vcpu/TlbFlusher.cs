using Replay.Replayer.History;

namespace Replay.Replayer.Kvm;

/// <summary>TLB flushes that reach all vCPUs.</summary>
public sealed class TlbFlusher(KvmVm vm)
{
    /// <remarks>KVM: kvm_flush_remote_tlbs().</remarks>
    public void FlushRemote() => Flush(FlushKind.Remote, 0, 0);

    /// <summary>KVM names a range and, without Hyper-V below it, flushes everything.</summary>
    /// <remarks>KVM: kvm_flush_remote_tlbs_with_address(), later kvm_flush_remote_tlbs_range().</remarks>
    public void FlushRemoteWithAddress(ulong startGfn, ulong pages)
    {
        if (vm.Kernel.HasRangeFlushes)
            Flush(FlushKind.RemoteRange, startGfn, pages);
        else
            FlushRemote();
    }

    /// <summary>All that a memslot holds.</summary>
    /// <remarks>KVM: kvm_arch_flush_remote_tlbs_memslot(), later kvm_flush_remote_tlbs_memslot().</remarks>
    internal void FlushRemoteMemslot(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmFlushRemoteTlbsWithAddress);
        FlushRemoteWithAddress(slot.BaseGfn, slot.PageCount);
    }

    /// <summary>What an entry maps.</summary>
    /// <remarks>KVM: kvm_flush_remote_tlbs_sptep(), kvm_flush_remote_tlbs_gfn().</remarks>
    internal void FlushRemoteSptep(Mmu.Sptep entry) =>
        FlushRemoteWithAddress(PageLevels.RoundDown(entry.Gfn, entry.Level), PageLevels.PagesPerHugePage(entry.Level));

    private void Flush(FlushKind kind, ulong startGfn, ulong pages)
    {
        vm.Journal.Flush(kind, startGfn, pages, targets: vm.Vcpus.Count);
        vm.Stats.RemoteTlbFlush++;
        foreach (var vcpu in vm.Vcpus)
        {
            if ((vcpu.Requests & VcpuRequests.TlbFlush) == 0)
                vcpu.FlushRequester = vm.Journal.Requester;
            vcpu.Requests |= VcpuRequests.TlbFlush;
            vcpu.Tlb.Void();
        }
    }
}
