using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>What is known of a function that probes stand on.</summary>
/// <param name="Function">Its number; <see cref="KvmFunction.None"/>: not one that histories name.</param>
/// <param name="Action">What its probes tell.</param>
internal sealed record ProbedFunction(KvmFunction Function, ProbeAction Action)
{
    private static readonly Dictionary<string, KvmFunction> ByName =
        Enum.GetValues<KvmFunction>().Where(function => function != KvmFunction.None).ToDictionary(function => function.KernelName(), StringComparer.Ordinal);

    /// <summary>A probe stands on its return too: it belongs on chains.</summary>
    public bool Returns { get; set; }

    public static ProbedFunction Of(string name) => new(ByName.GetValueOrDefault(name), ActionOf(name));

    private static ProbeAction ActionOf(string name) => name switch
    {
        "kvm_mmu_page_fault" => ProbeAction.MmuPageFault,
        "direct_page_fault" or "nonpaging_page_fault" or "paging64_page_fault" or "paging32_page_fault" or "kvm_tdp_page_fault" => ProbeAction.Handler,
        "mmu_set_spte" => ProbeAction.SetSpte,
        "mmu_spte_update" or "mmu_spte_update_no_track" => ProbeAction.SpteUpdate,
        "mmu_spte_clear_track_bits" => ProbeAction.ClearTrackBits,
        "mmu_page_zap_pte" => ProbeAction.ZapPte,
        "__link_shadow_page" or "link_shadow_page" => ProbeAction.LinkShadowPage,
        "pte_list_add" => ProbeAction.PteListAdd,
        "pte_list_remove" => ProbeAction.PteListRemove,
        "__kvm_mmu_get_shadow_page" => ProbeAction.GetShadowPage,
        "tdp_mmu_init_sp" => ProbeAction.InitTdpPage,
        "__kvm_mmu_prepare_zap_page" => ProbeAction.PrepareZapPage,
        "mmu_alloc_root" or "kvm_tdp_mmu_get_vcpu_root_hpa" or "kvm_tdp_mmu_alloc_root" => ProbeAction.AllocateRoot,
        "svm_load_mmu_pgd" or "vmx_load_mmu_pgd" => ProbeAction.LoadRoot,
        "mmu_free_root_page" => ProbeAction.FreeRoot,
        "make_nonleaf_spte" => ProbeAction.NonleafSpte,
        "kvm_mmu_invlpg" => ProbeAction.Invlpg,
        "kvm_flush_remote_tlbs" => ProbeAction.FlushRemote,
        "kvm_flush_remote_tlbs_with_address" or "kvm_flush_remote_tlbs_range" => ProbeAction.FlushRemoteRange,
        "svm_flush_tlb_current" or "vmx_flush_tlb_current" => ProbeAction.FlushCurrent,
        "vmx_flush_tlb_guest" or "svm_flush_tlb_guest" => ProbeAction.FlushGuest,
        "svm_flush_tlb_gva" or "vmx_flush_tlb_gva" => ProbeAction.FlushGva,
        "svm_flush_tlb_all" or "vmx_flush_tlb_all" => ProbeAction.FlushAll,
        _ => ProbeAction.None,
    };
}

/// <summary>What a probe on a function of KVM tells.</summary>
internal enum ProbeAction : byte
{
    /// <summary>Nothing that a row is made of; it may stand in chains.</summary>
    None = 0,
    MmuPageFault,
    Handler,
    SetSpte,
    SpteUpdate,
    ClearTrackBits,
    ZapPte,
    LinkShadowPage,
    PteListAdd,
    PteListRemove,
    GetShadowPage,
    InitTdpPage,
    PrepareZapPage,
    AllocateRoot,
    LoadRoot,
    FreeRoot,
    NonleafSpte,
    Invlpg,
    FlushRemote,
    FlushRemoteRange,
    FlushCurrent,
    FlushGuest,
    FlushGva,
    FlushAll,
}
