using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Shadow paging for guests with one size of entries.</summary>
/// <remarks>KVM: the members of struct kvm_mmu that paging64_init_context() and paging32_init_context() set.</remarks>
internal interface IGuestPaging
{
    /// <remarks>KVM: FNAME(page_fault)().</remarks>
    RetPf PageFault(KvmVcpu vcpu, bool overridesSmap);
}
