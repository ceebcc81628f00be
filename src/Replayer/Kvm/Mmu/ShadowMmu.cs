using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// The MMU that knows shadow pages, reverse maps and parents: direct maps without the TDP MMU, and shadow paging. Faults and roots of
/// the TDP MMU pass through it too, up to the point where entries are written.
/// </summary>
/// <remarks>KVM: arch/x86/kvm/mmu/mmu.c.</remarks>
public sealed class ShadowMmu : IMmuBackend
{
    private readonly KvmVm _vm;
    private readonly ShadowRoots _shadowRoots;
    private readonly RmapSplits _rmapSplits;

    /// <summary>Makes the parts, each of what stands above it.</summary>
    internal ShadowMmu(KvmVm vm)
    {
        _vm = vm;

        // What is kept of entries and pages.
        PteLists = PteLists.For(vm.Kernel);
        var sptes = new SpteStore(vm);
        Rmap = new Rmap(vm, PteLists, sptes);
        var unsync = new UnsyncPages(vm, PageHash, PteLists);
        var parents = new ParentPtes(vm, PteLists, sptes);
        var shadowed = new ShadowedGfns(vm, PageHash);
        SpteMaker = new SpteMaker(vm, unsync);

        // Taking away.
        Zapper = new Zapper(vm, ActivePages, PageHash, shadowed, sptes, Rmap, parents, unsync);
        Recycler = Recycler.For(vm, ActivePages, PageHash, Zapper);
        RmapRanges = new RmapRanges(vm, Rmap, new RmapOperations(vm, PteLists, sptes, Rmap));
        EarlyRmaps = new EarlyRmaps(vm, PteLists, sptes, Rmap, ActivePages);

        // Leaves, and entries that follow the guest's.
        var phases = new FaultPhases(vm, Recycler);
        LeafMapper = new LeafMapper(vm, SpteMaker, sptes, Rmap, parents);
        var directPrefetch = new DirectPrefetch(vm, phases, LeafMapper);
        var prefetch64 = new GptePrefetch<Paging64>(vm, phases, LeafMapper, Rmap, directPrefetch);
        var prefetch32 = new GptePrefetch<Paging32>(vm, phases, LeafMapper, Rmap, directPrefetch);
        var prefetchEpt = new GptePrefetch<PagingEpt>(vm, phases, LeafMapper, Rmap, directPrefetch);
        Syncs = new PerForm<IGpteSync>(
            GpteSync<Paging64>.For(vm, SpteMaker, sptes, Rmap, LeafMapper, Zapper, prefetch64),
            GpteSync<Paging32>.For(vm, SpteMaker, sptes, Rmap, LeafMapper, Zapper, prefetch32),
            GpteSync<PagingEpt>.For(vm, SpteMaker, sptes, Rmap, LeafMapper, Zapper, prefetchEpt));
        var pageSync = new PageSync(vm, Syncs, Zapper);

        // Pages and the trees that they make.
        ShadowPages = new ShadowPages(vm, ActivePages, PageHash, shadowed, Zapper, pageSync);
        var links = new ShadowLinks(vm, sptes, parents, unsync, Zapper);
        _rmapSplits = new RmapSplits(vm, PteLists, sptes, Rmap, ShadowPages, links, Recycler);
        var dummyRoot = new DummyRoot(vm.Pages);
        Roots = new MmuRoots(vm, ShadowPages, Zapper, dummyRoot);
        TreeSync = new TreeSync(vm, pageSync, unsync, Zapper, Roots, dummyRoot);
        _shadowRoots = new ShadowRoots(vm, Roots, dummyRoot, Recycler);
        RootLoader = new RootLoader(vm, Roots, _shadowRoots, TreeSync, Recycler);
        RootCache = new RootCache(vm, Roots);

        // Faults.
        DirectFaults = vm.Kernel.FaultsHavePhases
            ? new DirectFaults(vm, phases, new FastFaults(vm), new DirectMapper(vm, ShadowPages, links, LeafMapper, directPrefetch))
            : new EarlyDirectFaults(vm, Recycler, new EarlyDirectMapper(vm, ShadowPages, parents, sptes, Rmap, LeafMapper, phases));
        Contexts = new MmuContexts(vm, Roots, RootCache, DirectFaults.TdpHandler);
        Translation = new GuestTranslation(vm);
        TableWrites = new GuestTableWrites(vm, PageHash, Zapper, Translation);
        var pagings = new PerForm<IGuestPaging>(Paging(Translation.Walker64, prefetch64), Paging(Translation.Walker32, prefetch32), Paging(Translation.WalkerEpt, prefetchEpt));
        Faults = new PageFaults(vm, new MmioFaults(vm), DirectFaults, pagings, TableWrites, Translation);

        GuestPaging<TPtes> Paging<TPtes>(KvmGuestWalker<TPtes> walker, GptePrefetch<TPtes> prefetch)
            where TPtes : struct, IGuestPtes =>
            new(vm, walker, phases, new ShadowFetch<TPtes>(vm, dummyRoot, ShadowPages, links, parents, LeafMapper, TreeSync, prefetch));
    }

    /// <inheritdoc cref="ActivePages.UsedCount"/>
    public long UsedMmuPages => ActivePages.UsedCount;

    /// <summary>Shadow pages in existence that shadow a guest table.</summary>
    /// <remarks>KVM: indirect_shadow_pages.</remarks>
    public long IndirectShadowPages => PageHash.IndirectCount;

    /// <inheritdoc cref="ShadowRoots.HasAllocated"/>
    internal bool ShadowRootAllocated
    {
        get => _shadowRoots.HasAllocated;
        set => _shadowRoots.HasAllocated = value;
    }

    /// <remarks>KVM: kvm_memslots_have_rmaps().</remarks>
    public bool IsInUse => ShadowRootAllocated || !_vm.TdpMmuEnabled;

    // What its VM, vCPUs and host ask of it.

    internal MmuContexts Contexts { get; }

    internal MmuRoots Roots { get; }

    internal RootLoader RootLoader { get; }

    internal RootCache RootCache { get; }

    internal TreeSync TreeSync { get; }

    internal PerForm<IGpteSync> Syncs { get; }

    internal GuestTranslation Translation { get; }

    internal GuestTableWrites TableWrites { get; }

    internal PageFaults Faults { get; }

    internal IDirectFaults DirectFaults { get; }

    internal Zapper Zapper { get; }

    internal Recycler Recycler { get; }

    internal RmapRanges RmapRanges { get; }

    internal EarlyRmaps EarlyRmaps { get; }

    internal SpteMaker SpteMaker { get; }

    // What audits look into.

    internal ActivePages ActivePages { get; } = new();

    internal ShadowPageHash PageHash { get; } = new();

    internal PteLists PteLists { get; }

    internal Rmap Rmap { get; }

    internal ShadowPages ShadowPages { get; }

    internal LeafMapper LeafMapper { get; }

    bool IMmuBackend.UnmapRange(Memslot slot, ulong startGfn, ulong endGfn, bool flush) => RmapRanges.Zap(slot, startGfn, endGfn) || flush;

    bool IMmuBackend.SetSpteGfn(Memslot slot, ulong gfn, ulong pfn, bool writable) => RmapRanges.SetPte(slot, gfn, pfn, writable);

    bool IMmuBackend.Age(Memslot slot, ulong startGfn, ulong endGfn) => RmapRanges.Age(slot, startGfn, endGfn);

    bool IMmuBackend.TestAge(Memslot slot, ulong startGfn, ulong endGfn) => RmapRanges.TestAge(slot, startGfn, endGfn);

    bool IMmuBackend.WriteProtectGfn(Memslot slot, ulong gfn, int minLevel) => RmapRanges.WriteProtectGfn(slot, gfn, minLevel);

    void IMmuBackend.WriteProtectSlot(Memslot slot, int minLevel) => RmapRanges.SlotRemoveWriteAccess(slot, minLevel);

    void IMmuBackend.ClearDirtySlot(Memslot slot) => RmapRanges.SlotLeafClearDirty(slot);

    void IMmuBackend.ClearDirtyMasked(Memslot slot, ulong gfnOffset, ulong mask, bool writeProtect)
    {
        if (writeProtect)
            RmapRanges.WriteProtectMasked(slot, gfnOffset, mask);
        else
            RmapRanges.ClearDirtyMasked(slot, gfnOffset, mask);
    }

    void IMmuBackend.TrySplitHugePages(Memslot slot, ulong startGfn, ulong endGfn, bool shared) => _rmapSplits.TrySplit(slot, startGfn, endGfn, PgLevel.Size4K);

    void IMmuBackend.ZapCollapsible(Memslot slot) => RmapRanges.ZapCollapsible(slot);

    void IMmuBackend.Invalidate() => Recycler.BeginGeneration();

    void IMmuBackend.ZapInvalidated() => Recycler.ZapObsolete();

    void IMmuBackend.ZapAll() => Recycler.ZapAll();
}
