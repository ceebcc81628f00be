using Replay.Replayer.History;

namespace Replay.Replayer.Kvm;

/// <summary>TLB flushes that reach all vCPUs.</summary>
public sealed class TlbFlusher(KvmVm vm)
{
    /// <remarks>KVM: kvm_flush_remote_tlbs().</remarks>
    public void FlushRemote() => Flush(FlushKind.Remote, 0, 0);

    /// <summary>KVM 6.1 names a range and, without Hyper-V below it, flushes everything.</summary>
    /// <remarks>KVM: kvm_flush_remote_tlbs_with_address().</remarks>
    public void FlushRemoteWithAddress(ulong startGfn, ulong pages) => Flush(FlushKind.RemoteRange, startGfn, pages);

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
