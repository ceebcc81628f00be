using Replay.Replayer.History;

namespace Replay.Replayer.Kvm;

/// <summary>
/// What a kernel's KVM does unlike another's, one property to each behaviour. Nothing else in the model asks which kernel it is; where an
/// algorithm was rewritten, a property chooses the class. To add a kernel, add a member here: <c>docs/kernels.md</c> says how.
/// </summary>
public sealed partial record KvmBehaviour
{
    private KvmBehaviour()
    {
    }

    /// <summary>The name on the command line and in the database, such as <c>6.12</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The release whose source was read.</summary>
    public required string Release { get; init; }

    /// <summary>The modes that are modelled.</summary>
    internal MmuMode[] Modes { get; init; } = [.. MmuModes.All];

    /// <summary>The modes that were compared with what a machine did. The others are modelled from source alone.</summary>
    internal MmuMode[] CheckedModes { get; init; } = [];

    /// <summary>Functions that have another name in this kernel, or whose part another plays.</summary>
    internal Dictionary<KvmFunction, KvmFunction> Renamed { get; init; } = [];

    /// <summary>Behaviours that say nothing of this kernel: it has not got what they are of.</summary>
    internal string[] Foreign { get; init; } = [];

    // Entries.

    /// <summary>What an entry holds that holds nothing. Bit 63 keeps EPT from raising #VE.</summary>
    /// <remarks>KVM: SHADOW_NONPRESENT_VALUE; mmu_spte_clear_track_bits(), mmu_spte_clear_no_track().</remarks>
    [Changed("6.10", "KVM: x86/mmu: Allow non-zero value for non-present SPTE and removed SPTE")]
    public ulong EmptySpte { get; init; }

    /// <summary>The TDP MMU's mark on an entry that is being taken away.</summary>
    /// <remarks>KVM: REMOVED_SPTE, later FROZEN_SPTE; handle_removed_pt(), tdp_mmu_zap_spte_atomic().</remarks>
    [Changed("6.10", "KVM: x86/mmu: Allow non-zero value for non-present SPTE and removed SPTE")]
    public ulong FrozenSpte { get; init; } = 0x5a0;

    /// <summary>Present EPT entries have bit 63 set, and MMIO entries must have it clear.</summary>
    /// <remarks>KVM: kvm_mmu_set_ept_masks().</remarks>
    [Changed("6.10", "KVM: x86/mmu: Add Suppress VE bit to EPT shadow_mmio_mask/shadow_present_mask")]
    public bool EptSuppressesVe { get; init; }

    // Faults.

    /// <summary>The RET_PF_* values in the order of their numbers.</summary>
    /// <remarks>KVM: mmu_internal.h.</remarks>
    [Changed("6.12", "KVM: x86/mmu: Trigger unprotect logic only on write-protection page faults")]
    internal RetPf[] RetPfOrder { get; init; } = [RetPf.Continue, RetPf.Retry, RetPf.Emulate, RetPf.Invalid, RetPf.Fixed, RetPf.Spurious];

    /// <summary>A write to a page that stays write-protected has an outcome of its own, and is retried where pages could be unprotected.</summary>
    /// <remarks>KVM: kvm_mmu_write_protect_fault(), mmu_set_spte(), direct_page_fault().</remarks>
    [Changed("6.12", "KVM: x86/mmu: Trigger unprotect logic only on write-protection page faults")]
    public bool WriteProtectedIsAnOutcome { get; init; }

    /// <summary>A #PF that hits while an event is being delivered unprotects its page beforehand, whatever it is.</summary>
    /// <remarks>KVM: kvm_handle_page_fault(), kvm_mmu_unprotect_page_virt().</remarks>
    [Changed("6.12", "KVM: x86/mmu: Move event re-injection unprotect+retry into common path")]
    public bool UnprotectsOnEventDelivery { get; init; } = true;

    /// <summary>The part of the error code that fault handlers get.</summary>
    /// <remarks>KVM: kvm_mmu_do_page_fault(), struct kvm_page_fault.</remarks>
    [Changed("6.10", "KVM: x86/mmu: Pass full 64-bit error code when handling page faults")]
    public ulong FaultErrorCodeMask { get; init; } = uint.MaxValue;

    /// <summary>An EPT violation tells what of the walk faulted only if it has a linear address: loads of PDPTEs have none.</summary>
    /// <remarks>KVM: handle_ept_violation(), later __vmx_handle_ept_violation().</remarks>
    [Changed("6.12", "KVM: VMX: Set PFERR_GUEST_{FINAL,PAGE}_MASK if and only if the GVA is valid")]
    public bool TellsWalkOnlyForGva { get; init; }

    /// <summary>Whether memslots and host memory changed is looked at before room for pages is made, not after.</summary>
    /// <remarks>KVM: direct_page_fault(), FNAME(page_fault)(), is_page_fault_stale().</remarks>
    [Changed("after 6.1", "commit not looked up: read in both sources")]
    public bool LooksForStaleFaultFirst { get; init; }

    /// <summary>Asking the host for a frame ends in a retry if an invalidation runs or ran meanwhile.</summary>
    /// <remarks>KVM: kvm_faultin_pfn(), mmu_invalidate_retry_gfn_unsafe().</remarks>
    [Changed("6.9", "KVM: x86/mmu: Retry fault before acquiring mmu_lock if mapping is changing")]
    public bool FaultinLooksForInvalidation { get; init; }

    /// <summary>Faults of the TDP MMU have a handler of their own.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_page_fault(), direct_page_fault().</remarks>
    [Changed("6.3", "KVM: x86/mmu: Split out TDP MMU page fault handling")]
    public bool TdpMmuFaultsApart { get; init; }

    // Shadow pages.

    /// <summary>Indirect pages up to this level remember what their entries shadow.</summary>
    /// <remarks>KVM: kvm_mmu_alloc_shadow_page(), kvm_mmu_page_get_gfn(), kvm_mmu_page_get_access().</remarks>
    [Changed("6.11", "KVM: x86/mmu: Only allocate shadowed translation cache for sp->role.level <= KVM_MAX_HUGEPAGE_LEVEL")]
    public int ShadowedTranslationMaxLevel { get; init; } = 5;

    /// <summary>Reverse maps and parent lists of more than 14 grow at their head, so that the newest entries are met first.</summary>
    /// <remarks>KVM: pte_list_add(), pte_list_desc_remove_entry().</remarks>
    [Changed("6.4", "KVM: x86/mmu: Track tail count in pte_list_desc to optimize guest fork()")]
    public bool PteListsGrowAtHead { get; init; }

    /// <summary>Pages are synced and addresses invalidated entry by entry; what did not change is left alone, and nothing is prefetched.</summary>
    /// <remarks>KVM: FNAME(sync_page)(), FNAME(invlpg)(); later __kvm_sync_page(), FNAME(sync_spte)(), __kvm_mmu_invalidate_addr().</remarks>
    [Changed("6.4", "KVM: x86/mmu: Remove FNAME(invlpg) and use FNAME(sync_spte) to update vTLB instead.")]
    public bool SyncsEntryByEntry { get; init; }

    /// <summary>A large guest page over one of the tables that map it is mapped by small pages.</summary>
    /// <remarks>KVM: FNAME(is_self_change_mapping)(); later FNAME(fetch)() alone.</remarks>
    [Changed("6.4", "KVM: x86/mmu: Remove FNAME(is_self_change_mapping)")]
    public bool SplitsSelfMaps { get; init; } = true;

    /// <summary>A walk clears the counts of trapped writes below the guest's leaf, too.</summary>
    /// <remarks>KVM: FNAME(fetch)(), clear_sp_write_flooding_count().</remarks>
    [Changed("6.4", "KVM: x86/mmu: Detect write #PF to shadow pages during FNAME(fetch) walk")]
    public bool ClearsFloodBelowGuestLeaf { get; init; } = true;

    /// <summary>A guest root that lies in no memslot gets a root of zeros, which faults; before, the guest shut down.</summary>
    /// <remarks>KVM: mmu_alloc_shadow_roots(), kvm_mmu_get_dummy_root().</remarks>
    [Changed("6.6", "KVM: x86/mmu: Use dummy root, backed by zero page, for !visible guest roots")]
    public bool UsesDummyRoot { get; init; }

    /// <summary>A guest's tables may lie in KVM's own memslots, as far as KVM's walk goes; later that is a fault of the guest's.</summary>
    /// <remarks>KVM: FNAME(walk_addr_generic)().</remarks>
    [Changed("6.6", "KVM: x86/mmu: Disallow guest from using !visible slots for page tables")]
    public bool WalksPrivateSlots { get; init; } = true;

    /// <summary>A flush of a range is a call of its own, which a probe sees; before, compilers put it into its callers.</summary>
    /// <remarks>KVM: kvm_flush_remote_tlbs_with_address(), later kvm_flush_remote_tlbs_range().</remarks>
    [Changed("6.6", "KVM: Allow range-based TLB invalidation from common code")]
    public bool RangeFlushIsACall { get; init; }

    /// <summary>A nested guest's page that loses its last parent is zapped even while it is a root.</summary>
    /// <remarks>KVM: mmu_page_zap_pte().</remarks>
    [Changed("after 6.1", "commit not looked up: read in both sources")]
    public bool ZapsOrphanedRoots { get; init; }

    /// <summary>Flushes name the pages of the entry that changed; before, some named those of its table.</summary>
    /// <remarks>KVM: validate_direct_spte(), __rmap_add(), tdp_mmu_map_handle_target_level().</remarks>
    [Changed("6.2", "KVM: x86/mmu: Fix wrong gfn range of tlb flushing in validate_direct_spte(), and others of its series")]
    public bool FlushesWhatTheEntryMaps { get; init; }

    /// <summary>Ageing through reverse maps is one function that walks and stores.</summary>
    /// <remarks>KVM: kvm_age_rmap(), mmu_spte_age(); later kvm_rmap_age_gfn_range().</remarks>
    [Changed("6.12", "KVM: x86/mmu: Fold mmu_spte_age() into kvm_rmap_age_gfn_range()")]
    public bool AgesRmapsInOneFunction { get; init; }

    /// <summary>Setting CPUID marks the root roles of a vCPU's MMUs invalid; before, it cleared them. Of an MMU that is never set up, this stays.</summary>
    /// <remarks>KVM: kvm_mmu_after_set_cpuid().</remarks>
    [Changed("after 6.1", "commit not looked up: read in both sources")]
    public bool CpuidMarksRolesInvalid { get; init; }

    /// <summary>A misconfiguration of EPT that a nested guest's hypervisor gets has no exit qualification; before, it had that of the CPU's own exit.</summary>
    /// <remarks>KVM: nested_ept_inject_page_fault().</remarks>
    [Changed("after 6.1", "commit not looked up: read in both sources")]
    public bool ClearsQualificationOfMisconfiguration { get; init; }

    // Huge pages.

    /// <summary>A table keeps a huge page away only if it stands for one that must not be executable.</summary>
    /// <remarks>KVM: disallowed_hugepage_adjust(), account_nx_huge_page(), track_possible_nx_huge_page().</remarks>
    [Changed("6.2", "KVM: x86/mmu: Tag disallowed NX huge pages even if they're not tracked")]
    public bool TagsNxSplits { get; init; }

    /// <summary>Splits in a slot whose dirty pages are logged are not recovered.</summary>
    /// <remarks>KVM: kvm_recover_nx_lpages(), later kvm_recover_nx_huge_pages().</remarks>
    [Changed("6.2", "KVM: x86/mmu: Do not recover dirty-tracked NX Huge Pages")]
    public bool KeepsLoggedNxSplits { get; init; }

    /// <summary>Clearing a dirty log splits the huge page of the last page named, too; before, the range ended in front of it.</summary>
    /// <remarks>KVM: kvm_arch_mmu_enable_log_dirty_pt_masked(), kvm_mmu_try_split_huge_pages().</remarks>
    [Changed("6.8", "KVM: x86/mmu: Fix off-by-1 when splitting huge pages during CLEAR")]
    public bool ClearSplitsLastPage { get; init; }

    // The TDP MMU.

    /// <summary>The levels, one after another, at which a root is emptied; the root's own comes last and is not named.</summary>
    /// <remarks>KVM: tdp_mmu_zap_root().</remarks>
    [Changed("6.9", "KVM: x86/mmu: Zap invalidated TDP MMU roots at 4KiB granularity")]
    internal int[] RootZapLevels { get; init; } = [3];

    /// <summary>Leaves zapped in a root that is marked invalid owe a flush.</summary>
    /// <remarks>KVM: tdp_mmu_zap_leafs().</remarks>
    [Changed("6.9", "KVM: x86/mmu: Don't do TLB flush when zappings SPTEs in invalid roots")]
    public bool InvalidRootsOweFlush { get; init; } = true;

    /// <summary>Write protection and dirty bits of single pages are changed in roots that are marked invalid, too.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_clear_dirty_pt_masked(), kvm_tdp_mmu_write_protect_gfn().</remarks>
    [Changed("6.9", "KVM: x86/mmu: Skip invalid TDP MMU roots when write-protecting SPTEs")]
    public bool ProtectsInInvalidRoots { get; init; } = true;

    /// <summary>A huge page in the way of a smaller one is split into a table that maps all of it; before, it was zapped.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_map(), tdp_mmu_split_huge_page().</remarks>
    [Changed("6.2", "KVM: x86/mmu: Split huge pages mapped by the TDP MMU on fault")]
    public bool SplitsHugePagesOnFault { get; init; }

    /// <summary>An atomic zap shows as one change, after the flush; before, the mark of removal showed, and its end did not.</summary>
    /// <remarks>KVM: tdp_mmu_zap_spte_atomic().</remarks>
    [Changed("6.10", "KVM: x86/mmu: Process atomically-zapped SPTEs after TLB flush")]
    public bool ShowsAtomicZapAtItsEnd { get; init; }

    /// <summary>Accessed, dirty and writable bits are cleared in place, not by storing an entry with all that entails.</summary>
    /// <remarks>KVM: clear_dirty_pt_masked(), age_gfn_range(), tdp_mmu_clear_spte_bits().</remarks>
    [Changed("6.4", "KVM: x86/mmu: Atomically clear SPTE dirty state in the clear-dirty-log flow")]
    public bool ClearsBitsInPlace { get; init; }

    /// <summary>Storing a writable entry marks its page dirty, whoever stores it.</summary>
    /// <remarks>KVM: handle_changed_spte_dirty_log().</remarks>
    [Changed("6.4", "KVM: x86/mmu: Remove handle_changed_spte_dirty_log()")]
    public bool StoringMarksDirty { get; init; } = true;

    /// <summary>The TDP MMU makes its roots itself, without making room for shadow pages.</summary>
    /// <remarks>KVM: mmu_alloc_direct_roots(), kvm_tdp_mmu_alloc_root().</remarks>
    [Changed("6.9", "KVM: x86/mmu: Alloc TDP MMU roots while holding mmu_lock for read")]
    public bool TdpMmuRootsApart { get; init; }

    // Registers.

    /// <summary>CR0.WP changed alone while paging is off changes nothing.</summary>
    /// <remarks>KVM: kvm_post_set_cr0().</remarks>
    [Changed("6.4", "KVM: x86: Ignore CR0.WP toggles in non-paging mode")]
    public bool IgnoresWpWithoutPaging { get; init; }

    /// <summary>Registers set by userspace flush the guest's translations.</summary>
    /// <remarks>KVM: __set_sregs().</remarks>
    [Changed("6.6", "KVM: x86: Force TLB flush on userspace changes to special registers")]
    public bool SettingRegistersFlushes { get; init; }

    // The host.

    /// <summary>The host tells of a frame that it puts in place of another; after, of the invalidation around it alone.</summary>
    /// <remarks>KVM: kvm_mmu_notifier_change_pte(), kvm_set_spte_gfn().</remarks>
    [Changed("6.10", "KVM: delete .change_pte MMU notifier callback")]
    public bool HasChangePte { get; init; } = true;

    /// <summary>Userspace can choose that a memslot that goes takes its own mappings along, not all of the VM's.</summary>
    /// <remarks>KVM: kvm_arch_flush_shadow_memslot(), KVM_X86_QUIRK_SLOT_ZAP_ALL.</remarks>
    [Changed("6.12", "KVM: x86/mmu: Introduce a quirk to control memslot zap behavior")]
    public bool HasSlotZapQuirk { get; init; }

    /// <summary>The behaviour of that name is of something that this kernel has not got, or that is not modelled of it.</summary>
    public bool Lacks(string behaviour) => Array.IndexOf(Foreign, behaviour) >= 0;

    /// <summary>The mode is modelled for this kernel.</summary>
    public bool Has(MmuMode mode) => Array.IndexOf(Modes, mode) >= 0;

    /// <summary>The kernel's number of an outcome.</summary>
    public int Number(RetPf outcome)
    {
        var number = Array.IndexOf(RetPfOrder, outcome);
        Invariant.Holds(number >= 0, $"Linux {Name} has no outcome {outcome}");
        return number;
    }

    /// <summary>The outcome of a number of the kernel's; null: it has none of that number.</summary>
    public RetPf? Outcome(ulong number) => number < (ulong)RetPfOrder.Length ? RetPfOrder[number] : null;

    /// <summary>How far the model of a mode can be trusted, in the words of reports; null where it was compared with a machine.</summary>
    public string? Caveat(MmuMode mode) => Array.IndexOf(CheckedModes, mode) >= 0 ? null : "modelled from source, not checked against a machine";

    public override string ToString() => $"Linux {Name}";
}

/// <summary>When a behaviour changed, and by which commit.</summary>
/// <param name="release">First release with the later value.</param>
/// <param name="commit">Subject of the commit, or of the one that stands for a series.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ChangedAttribute(string release, string commit) : Attribute
{
    public string Release { get; } = release;

    public string Commit { get; } = commit;
}
