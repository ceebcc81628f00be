namespace Replay.Replayer.Kvm;

/// <summary>The counters that a real host shows in debugfs, of the VM and of all its vCPUs together.</summary>
/// <remarks>KVM: struct kvm_vm_stat, struct kvm_vcpu_stat; the MMU's part.</remarks>
public sealed class KvmStats
{
    private readonly long[] _pages = new long[Mmu.PgLevel.MaxHugePage];

    // Of the VM.
    public long MmuShadowZapped { get; set; }

    public long MmuPteWrite { get; set; }

    public long MmuPdeZapped { get; set; }

    public long MmuFlooded { get; set; }

    public long MmuRecycled { get; set; }

    public long MmuCacheMiss { get; set; }

    public long MmuUnsync { get; set; }

    public long NxLpageSplits { get; set; }

    public long MaxMmuPageHashCollisions { get; set; }

    public long MaxMmuRmapSize { get; set; }

    public long RemoteTlbFlush { get; set; }

    // Of the vCPUs.
    public long PfTaken { get; set; }

    public long PfFixed { get; set; }

    public long PfEmulate { get; set; }

    public long PfSpurious { get; set; }

    public long PfFast { get; set; }

    public long PfMmioSpteCreated { get; set; }

    public long PfGuest { get; set; }

    public long TlbFlush { get; set; }

    public long Invlpg { get; set; }

    /// <summary>Pages mapped now by entries of the level: pages_4k, pages_2m, pages_1g.</summary>
    public long Pages(int level) => _pages[level - 1];

    /// <summary>Pages by level that are mapped without being counted, because their frame was changed in place.</summary>
    /// <remarks>KVM: kvm_set_pte_rmap(), which counts what it clears and not what it sets.</remarks>
    internal long[] PagesNotCounted { get; } = new long[Mmu.PgLevel.MaxHugePage];

    /// <remarks>KVM: kvm_update_page_stats().</remarks>
    public void UpdatePages(int level, int delta) => _pages[level - 1] += delta;

    /// <summary>Every counter under its debugfs name, in a fixed order.</summary>
    public IEnumerable<(string Name, long Value)> All() =>
    [
        ("mmu_shadow_zapped", MmuShadowZapped),
        ("mmu_pte_write", MmuPteWrite),
        ("mmu_pde_zapped", MmuPdeZapped),
        ("mmu_flooded", MmuFlooded),
        ("mmu_recycled", MmuRecycled),
        ("mmu_cache_miss", MmuCacheMiss),
        ("mmu_unsync", MmuUnsync),
        ("pages_4k", Pages(1)),
        ("pages_2m", Pages(2)),
        ("pages_1g", Pages(3)),
        ("nx_lpage_splits", NxLpageSplits),
        ("max_mmu_page_hash_collisions", MaxMmuPageHashCollisions),
        ("max_mmu_rmap_size", MaxMmuRmapSize),
        ("remote_tlb_flush", RemoteTlbFlush),
        ("pf_taken", PfTaken),
        ("pf_fixed", PfFixed),
        ("pf_emulate", PfEmulate),
        ("pf_spurious", PfSpurious),
        ("pf_fast", PfFast),
        ("pf_mmio_spte_created", PfMmioSpteCreated),
        ("pf_guest", PfGuest),
        ("tlb_flush", TlbFlush),
        ("invlpg", Invlpg),
    ];
}
