using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Shadow paging for guests with one size of entries.</summary>
/// <remarks>KVM: the members of struct kvm_mmu that paging64_init_context() and paging32_init_context() set.</remarks>
internal interface IGuestPaging
{
    /// <remarks>KVM: FNAME(page_fault)().</remarks>
    RetPf PageFault(KvmVcpu vcpu, bool overridesSmap);

    /// <summary>Brings an unsync page up to date with the guest's table.</summary>
    /// <returns>Below 0: it must be zapped. Above 0: TLBs must be flushed.</returns>
    /// <remarks>KVM: FNAME(sync_page)(), later __kvm_sync_page().</remarks>
    int SyncPage(KvmVcpu vcpu, ShadowPage page);

    /// <summary>Drops one translation from the tree of a root, if the guest may have changed it unseen.</summary>
    /// <remarks>KVM: FNAME(invlpg)(), later __kvm_mmu_invalidate_addr().</remarks>
    void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root);

    /// <summary>Translates an address as the guest would.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="mmu">By which of its MMUs.</param>
    /// <param name="address">The address: linear, or a nested guest's physical one.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <param name="gpa">The result.</param>
    /// <param name="fault">Or why there is none.</param>
    /// <remarks>KVM: FNAME(gva_to_gpa)().</remarks>
    bool TryTranslate(KvmVcpu vcpu, KvmMmu mmu, ulong address, ulong access, bool overridesSmap, out ulong gpa, out WalkFault fault);
}
