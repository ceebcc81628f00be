namespace Replay.Replayer.Kvm;

/// <summary>What changed before 6.1: of these, what stands here is the later value.</summary>
public sealed partial record KvmBehaviour
{
    /// <summary>KVM_POSSIBLE_CR4_GUEST_BITS with EPT: PVI, TSD, DE, PGE, PCE, OSFXSR, OSXMMEXCPT, FSGSBASE.</summary>
    private const ulong PossibleCr4GuestBits = 0x1_078e;

    /// <summary>CR4_RESERVED_BITS, the other way round: VME to UMIP, LA57, VMXE; FSGSBASE, PCIDE, OSXSAVE, SMEP, SMAP, PKE.</summary>
    private const ulong Cr4OfPresentCpus = 0x77_3fff;

    // Entries.

    /// <summary>Entries have a bit, 11, that says that they are present. Before, those that can be read are; 11 and 10 are MMU-writable and host-writable.</summary>
    /// <remarks>KVM: is_shadow_present_pte(), SPTE_MMU_PRESENT_MASK.</remarks>
    [Changed("5.13", "KVM: x86/mmu: Use a dedicated bit to track shadow/MMU-present SPTEs")]
    public bool HasPresentBit { get; init; } = true;

    /// <summary>The same as a mask of an entry.</summary>
    internal ulong PresentMask => HasPresentBit ? Mmu.Spte.MmuPresentMask : 1;

    /// <summary>MMIO entries, and what a vCPU remembers of the last of them, are good for one generation of memslots. Before, all pages go with a new memslot.</summary>
    /// <remarks>KVM: mark_mmio_spte(), check_mmio_spte(), vcpu_cache_mmio_info().</remarks>
    [Changed("3.11", "KVM: MMU: fast invalidate all mmio sptes")]
    public bool MmioEntriesHaveGeneration { get; init; } = true;

    /// <summary>The page of zeros is mapped as memory, write-back. Before, it was taken for a device's, since the host keeps it reserved, and mapped uncached.</summary>
    /// <remarks>KVM: kvm_is_mmio_pfn(), vmx_get_mt_mask().</remarks>
    [Changed("3.18", "KVM: check for !is_zero_pfn() in kvm_is_mmio_pfn()")]
    public bool TakesZeroPageForMemory { get; init; } = true;

    // Faults.

    /// <summary>Faults of EPT and NPT go through phases that all handlers share. Before, one function chose a page size, looked for the frame and mapped it.</summary>
    /// <remarks>KVM: tdp_page_fault(), fast_page_fault(), __direct_map(); later kvm_tdp_page_fault(), direct_page_fault().</remarks>
    [Changed("5.6", "KVM: x86/mmu: Consolidate tdp_page_fault() and nonpaging_page_fault(), and others up to 5.17")]
    public bool FaultsHavePhases { get; init; } = true;

    /// <summary>Error codes made of an EPT violation tell reads and fetches, and which walk faulted. Before, only writes, and whether the entry could be read.</summary>
    /// <remarks>KVM: handle_ept_violation().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool TellsReadsAndFetches { get; init; } = true;

    /// <summary>An EPT misconfiguration is a page fault with a reserved bit. Before, it was looked up as MMIO and emulated on the spot.</summary>
    /// <remarks>KVM: handle_ept_misconfig(), handle_mmio_page_fault_common().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool MisconfigurationsAreFaults { get; init; } = true;

    /// <summary>The neighbours of a mapped page are mapped up to the end of their group of eight. Before, a run that went on to the end was never come to.</summary>
    /// <remarks>KVM: __direct_pte_prefetch().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool PrefetchesToTheEnd { get; init; } = true;

    /// <summary>Entries that are made writable are made dirty. Before, the CPU set the bit.</summary>
    /// <remarks>KVM: set_spte(), later make_spte().</remarks>
    [Changed("4.0", "KVM: MMU: Explicitly set D-bit for writable spte.")]
    public bool SetsDirtyBits { get; init; } = true;

    // Shadow pages.

    /// <summary>Memslots that go, and MMIO entries that grew old, make all pages obsolete, which are zapped then. Before, all pages were zapped one after another.</summary>
    /// <remarks>KVM: kvm_arch_flush_shadow(), kvm_mmu_zap_all(); later kvm_mmu_zap_all_fast().</remarks>
    [Changed("5.4", "KVM: x86/mmu: Reintroduce fast invalidate/zap for flushing memslot (3.11 to 5.0 had it, too)")]
    public bool ZapsByGeneration { get; init; } = true;

    /// <summary>A root that is zapped while in use stays among the active pages, where it is zapped again; its vCPUs are told to load another.</summary>
    /// <remarks>KVM: kvm_mmu_prepare_zap_page(), kvm_reload_remote_mmus().</remarks>
    [Changed("5.9", "KVM: x86/mmu: Don't put invalid SPs back on the list of active pages")]
    public bool ZappedRootsStayActive { get; init; }

    /// <summary>Room for pages is made by zapping a batch of the oldest that are no roots. Before, one by one until there was room, roots as well.</summary>
    /// <remarks>KVM: __kvm_mmu_free_some_pages(), later kvm_mmu_zap_oldest_mmu_pages().</remarks>
    [Changed("5.9", "KVM: x86/mmu: Batch zap MMU pages when recycling oldest pages")]
    public bool RecyclesInBatches { get; init; } = true;

    /// <summary>A vCPU keeps three roots beside the one in use. Before, a CR3 load that exits drops the root, and the next entry looks for it again.</summary>
    /// <remarks>KVM: nonpaging_new_cr3(), mmu_free_roots(); later kvm_mmu_new_pgd().</remarks>
    [Changed("4.19", "kvm: x86: Add fast CR3 switch code path")]
    public bool KeepsPreviousRoots { get; init; } = true;

    /// <summary>Roles of EPT's pages have bits of the guest's registers and of accessed bits set. Before, they had level, rights and direct.</summary>
    /// <remarks>KVM: init_kvm_tdp_mmu(), later kvm_calc_tdp_mmu_root_page_role().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool TdpRolesHaveRegisters { get; init; } = true;

    /// <summary>Tables of five levels.</summary>
    /// <remarks>KVM: vmx_get_tdp_level(), later kvm_mmu_get_tdp_level().</remarks>
    [Changed("4.14", "KVM: MMU: Add 5 level EPT & Shadow page table support.")]
    public bool HasFiveLevels { get; init; } = true;

    /// <summary>Flushes can name a range. Before, all were flushes of everything.</summary>
    /// <remarks>KVM: kvm_flush_remote_tlbs(), later kvm_flush_remote_tlbs_with_address().</remarks>
    [Changed("5.0", "KVM: Add tlb_remote_flush_with_range callback in kvm_x86_ops")]
    public bool HasRangeFlushes { get; init; } = true;

    // Memslots and dirty logs.

    /// <summary>Slots can be read-only. Before, the flag was passed over.</summary>
    /// <remarks>KVM: KVM_MEM_READONLY, __kvm_set_memory_region().</remarks>
    [Changed("3.7", "KVM: introduce readonly memslot")]
    public bool HasReadOnlySlots { get; init; } = true;

    /// <summary>KVM's own memslots for the TSS and the identity map are left out where the CPU runs any guest code.</summary>
    /// <remarks>KVM: vmx_set_tss_addr(), vmx_create_vcpu().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool UnrestrictedGuestsSpareSlots { get; init; } = true;

    /// <summary>A slot is write-protected when its dirty pages begin to be logged, through reverse maps. Before, at every change, by going through all pages that hold some of it.</summary>
    /// <remarks>KVM: kvm_arch_commit_memory_region(), kvm_mmu_slot_remove_write_access().</remarks>
    [Changed("3.9", "KVM: MMU: Make kvm_mmu_slot_remove_write_access() rmap based")]
    public bool ProtectsSlotsByRmaps { get; init; } = true;

    /// <summary>Huge pages of a slot that is protected lose the right to write. Before, they were dropped.</summary>
    /// <remarks>KVM: spte_write_protect(), __drop_large_spte().</remarks>
    [Changed("3.16", "KVM: MMU: lazily drop large spte")]
    public bool ProtectsHugePages { get; init; } = true;

    /// <summary>The CPU can log dirty pages (PML).</summary>
    /// <remarks>KVM: vmx_flush_pml_buffer().</remarks>
    [Changed("4.0", "KVM: VMX: Add PML support in VMX")]
    public bool HasPml { get; init; } = true;

    /// <summary>Userspace may read a dirty log without clearing it.</summary>
    /// <remarks>KVM: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, kvm_clear_dirty_log_protect().</remarks>
    [Changed("5.0", "kvm: introduce manual dirty log reprotect")]
    public bool HasManualDirtyLog { get; init; } = true;

    // Registers.

    /// <summary>A change of a register drops roots only where their role changes. Before, changes of CR0.PG, WP, CD, NW, CR4.PGE, PSE, PAE, SMEP and EFER.NX did.</summary>
    /// <remarks>KVM: kvm_set_cr0(), kvm_set_cr4(), set_efer(); later kvm_post_set_cr0(), kvm_post_set_cr4().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool RootsFollowRoles { get; init; } = true;

    /// <summary>CR0.WP is the guest's own with EPT.</summary>
    /// <remarks>KVM: vmx_l1_guest_owned_cr0_bits().</remarks>
    [Changed("6.4", "KVM: VMX: Make CR0.WP a guest owned bit (in 6.1.176, too)")]
    public bool GuestOwnsCr0Wp { get; init; } = true;

    /// <summary>Bits of CR4 that are the guest's own with EPT.</summary>
    /// <remarks>KVM: set_cr4_guest_host_mask().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public ulong Cr4GuestBits { get; init; } = PossibleCr4GuestBits;

    /// <summary>CR3 loads exit while paging is off, even where the CPU could run so.</summary>
    /// <remarks>KVM: ept_update_paging_mode_cr0(), later vmx_set_cr0().</remarks>
    [Changed("after 3.6", "commits not looked up: read in both sources")]
    public bool InterceptsCr3WithoutPaging { get; init; }

    /// <summary>Bits of CR4 that a guest may set.</summary>
    /// <remarks>KVM: CR4_RESERVED_BITS.</remarks>
    [Changed("after 3.6", "3.7 KVM: SMAP, 4.6 PKE, 4.14 LA57, 4.11 UMIP: commits not looked up")]
    public ulong OfferedCr4 { get; init; } = Cr4OfPresentCpus;

    /// <summary>A guest may run guests of its own, unless userspace says otherwise.</summary>
    /// <remarks>KVM: the module parameter nested of kvm_intel.</remarks>
    [Changed("4.20", "KVM: VMX: enable nested virtualization by default")]
    public bool NestedVmxIsOn { get; init; } = true;

    // The host.

    /// <summary>The host's notices name ranges, and reverse maps are gone through level by level. Before, page by page, each with all its sizes.</summary>
    /// <remarks>KVM: kvm_handle_hva(), later kvm_handle_hva_range().</remarks>
    [Changed("3.7", "KVM: Introduce kvm_unmap_hva_range() for kvm_mmu_notifier_invalidate_range_start()")]
    public bool NotifierTakesRanges { get; init; } = true;

    /// <summary>The host invalidates around a frame that it puts in place of another. Before, it told of the new frame alone.</summary>
    /// <remarks>Linux: do_wp_page(), set_pte_at_notify().</remarks>
    [Changed("3.7", "mm: wrap calls to set_pte_at_notify with invalidate_range_start and invalidate_range_end")]
    public bool HostInvalidatesAroundCopies { get; init; } = true;

    /// <summary>A huge page that is only read is the host's shared one of zeros. Before, it was the guest's own at once.</summary>
    /// <remarks>Linux: do_huge_pmd_anonymous_page().</remarks>
    [Changed("3.8", "thp: setup huge zero page on non-write page fault")]
    public bool HostHasHugeZeroPage { get; init; } = true;
}
