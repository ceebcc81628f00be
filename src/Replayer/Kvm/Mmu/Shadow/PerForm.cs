using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>One of a kind for each form of guest tables. Which of them an MMU needs, its handler of faults tells.</summary>
/// <remarks>KVM: what paging64_init_context(), paging32_init_context() and kvm_init_shadow_ept_mmu() set in struct kvm_mmu.</remarks>
internal sealed class PerForm<T>(T paging64, T paging32, T pagingEpt)
    where T : class
{
    /// <returns>Null with direct roots.</returns>
    public T? Of(KvmMmu mmu) => mmu.PageFaultHandler switch
    {
        KvmFunction.Paging64PageFault => paging64,
        KvmFunction.Paging32PageFault => paging32,
        KvmFunction.EptPageFault => pagingEpt,
        _ => null,
    };
}
