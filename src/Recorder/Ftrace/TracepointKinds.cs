using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Names of kvm's and kvmmmu's tracepoints, of all kernels since 3.0.</summary>
internal static class TracepointKinds
{
    public static TracepointKind Of(string name) => name switch
    {
        "kvm_entry" => TracepointKind.Entry,
        "kvm_exit" => TracepointKind.Exit,
        "kvm_page_fault" => TracepointKind.PageFault,
        "kvm_inj_exception" => TracepointKind.InjectedException,
        "kvm_cr" => TracepointKind.ControlRegister,
        "kvm_msr" => TracepointKind.Msr,
        "kvm_pml_full" => TracepointKind.PmlFull,
        "kvm_fast_mmio" => TracepointKind.FastMmio,
        "kvm_mmio" => TracepointKind.Mmio,
        "kvm_unmap_hva_range" or "kvm_unmap_hva" or "kvm_set_spte_hva" or "kvm_age_hva" or "kvm_test_age_hva" => TracepointKind.NotifierRange,
        "kvm_mmu_get_page" => TracepointKind.GetPage,
        "kvm_mmu_sync_page" => TracepointKind.SyncPage,
        "kvm_mmu_unsync_page" => TracepointKind.UnsyncPage,
        "kvm_mmu_prepare_zap_page" or "kvm_mmu_zap_page" => TracepointKind.ZapPage,
        "kvm_mmu_set_spte" => TracepointKind.SetSpte,
        "kvm_tdp_mmu_spte_changed" => TracepointKind.SpteChanged,
        "kvm_mmu_spte_requested" => TracepointKind.SpteRequested,
        "mark_mmio_spte" => TracepointKind.MarkMmioSpte,
        "handle_mmio_page_fault" => TracepointKind.HandleMmioPageFault,
        "check_mmio_spte" => TracepointKind.CheckMmioSpte,
        "fast_page_fault" => TracepointKind.FastPageFault,
        "kvm_mmu_zap_all_fast" or "kvm_mmu_invalidate_zap_all_pages" => TracepointKind.ZapAllFast,
        "kvm_mmu_split_huge_page" => TracepointKind.SplitHugePage,
        "kvm_mmu_pagetable_walk" => TracepointKind.GuestWalk,
        "kvm_mmu_paging_element" => TracepointKind.GuestEntry,
        "kvm_mmu_set_accessed_bit" => TracepointKind.GuestAccessedBit,
        "kvm_mmu_set_dirty_bit" => TracepointKind.GuestDirtyBit,
        "kvm_mmu_walker_error" => TracepointKind.WalkerError,
        _ => TracepointKind.Other,
    };
}
