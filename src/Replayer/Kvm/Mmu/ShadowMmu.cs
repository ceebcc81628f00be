using Replay.Replayer.History;
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
    private readonly IGuestPaging _paging64;
    private readonly IGuestPaging _paging32;
    private readonly IGuestPaging _pagingEpt;

    internal ShadowMmu(KvmVm vm)
    {
        _vm = vm;
        PteLists = PteLists.For(vm.Kernel);
        UnsyncWalks = new UnsyncWalkPool(vm.Pages);
        Sptes = new SpteStore(vm);
        UnsyncPages = new UnsyncPages(vm, this);
        Rmap = new Rmap(vm, this);
        RmapOperations = new RmapOperations(vm, this);
        RmapRanges = new RmapRanges(vm, this);
        RmapSplits = new RmapSplits(vm, this);
        Links = new ShadowLinks(vm, this);
        ShadowPages = new ShadowPages(vm, this);
        Zapper = new Zapper(vm, this);
        Recycler = Recycler.For(vm, this);
        LeafMapper = new LeafMapper(vm, this);
        DirectMapper = new DirectMapper(vm, this);
        FaultPhases = new FaultPhases(vm);
        FastFaults = new FastFaults(vm);
        MmioFaults = new MmioFaults(vm);
        DirectFaults = vm.Kernel.FaultsHavePhases ? new DirectFaults(vm, this) : new EarlyDirectFaults(vm, this);
        Contexts = new MmuContexts(vm);
        Roots = new MmuRoots(vm, this);
        RootCache = new RootCache(vm, this);
        ShadowRoots = new ShadowRoots(vm, this);
        Syncing = new TreeSync(vm, this);
        TableWrites = new GuestTableWrites(vm, this);
        Faults = new PageFaults(vm, this);
        _paging64 = new GuestPaging<Paging64>(vm, this);
        _paging32 = new GuestPaging<Paging32>(vm, this);
        _pagingEpt = new GuestPaging<PagingEpt>(vm, this);
    }

    /// <summary>Shadow pages in use.</summary>
    /// <remarks>KVM: n_used_mmu_pages.</remarks>
    public long UsedMmuPages { get; internal set; }

    /// <summary>Shadow pages in existence that shadow a guest table.</summary>
    /// <remarks>KVM: indirect_shadow_pages.</remarks>
    public long IndirectShadowPages { get; internal set; }

    /// <summary>A guest's tables have been shadowed: gfns have reverse maps and write trackers from then on, also with the TDP MMU.</summary>
    /// <remarks>KVM: shadow_root_allocated, mmu_first_shadow_root_alloc().</remarks>
    public bool ShadowRootAllocated { get; internal set; }

    /// <remarks>KVM: kvm_memslots_have_rmaps().</remarks>
    public bool IsInUse => ShadowRootAllocated || !_vm.TdpMmuEnabled;

    /// <summary>A table of zeros: the root where the guest's own lies in no memslot.</summary>
    /// <remarks>KVM: kvm_mmu_get_dummy_root(), which takes the page of zeros that the whole host shares.</remarks>
    internal TablePage? DummyRoot { get; private set; }

    internal Journal Journal => _vm.Journal;

    internal PteLists PteLists { get; }

    internal ShadowPageHash PageHash { get; } = new();

    internal ActivePages ActivePages { get; } = new();

    internal UnsyncWalkPool UnsyncWalks { get; }

    internal SpteStore Sptes { get; }

    internal UnsyncPages UnsyncPages { get; }

    internal Rmap Rmap { get; }

    internal RmapOperations RmapOperations { get; }

    internal RmapRanges RmapRanges { get; }

    internal RmapSplits RmapSplits { get; }

    internal ShadowLinks Links { get; }

    internal ShadowPages ShadowPages { get; }

    internal Zapper Zapper { get; }

    internal Recycler Recycler { get; }

    internal LeafMapper LeafMapper { get; }

    internal DirectMapper DirectMapper { get; }

    internal FaultPhases FaultPhases { get; }

    internal FastFaults FastFaults { get; }

    internal MmioFaults MmioFaults { get; }

    internal IDirectFaults DirectFaults { get; }

    internal MmuContexts Contexts { get; }

    internal MmuRoots Roots { get; }

    internal RootCache RootCache { get; }

    internal ShadowRoots ShadowRoots { get; }

    internal TreeSync Syncing { get; }

    internal GuestTableWrites TableWrites { get; }

    internal PageFaults Faults { get; }

    /// <summary>Shadow paging as the vCPU's guest needs it; null with direct roots.</summary>
    internal IGuestPaging? PagingOf(KvmVcpu vcpu) => PagingOf(vcpu.Mmu);

    /// <summary>What walks the tables of an MMU; null for direct ones.</summary>
    internal IGuestPaging? PagingOf(KvmMmu mmu) => mmu.PageFaultHandler switch
    {
        KvmFunction.Paging64PageFault => _paging64,
        KvmFunction.Paging32PageFault => _paging32,
        KvmFunction.EptPageFault => _pagingEpt,
        _ => null,
    };

    /// <summary>
    /// Translates a linear address as the running guest would. A guest whose own tables the CPU walks needs it of KVM only if it is nested:
    /// otherwise the fault has told the guest-physical address.
    /// </summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="gva">The address.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <param name="gpa">The result; null where KVM walks nothing.</param>
    /// <param name="fault">Or why there is none.</param>
    /// <returns>False: the guest, or its hypervisor, gets the fault.</returns>
    /// <remarks>KVM: kvm_mmu_gva_to_gpa_read() and its like.</remarks>
    internal bool TryTranslate(KvmVcpu vcpu, ulong gva, ulong access, bool overridesSmap, out ulong? gpa, out WalkFault fault)
    {
        gpa = null;
        fault = default;
        vcpu.RegisterWrites.CachePdptrs();
        if (PagingOf(vcpu.WalkMmu) is { } paging)
        {
            var found = paging.TryTranslate(vcpu, vcpu.WalkMmu, gva, access, overridesSmap, out var address, out fault);
            gpa = address;
            return found;
        }

        if (!vcpu.IsNested)
            return true;
        var mapped = TryTranslateNested(vcpu, gva, access, out var l1, out fault);
        gpa = l1;
        return mapped;
    }

    /// <summary>Translates a nested guest's physical address by the tables that its hypervisor made for it.</summary>
    /// <remarks>KVM: translate_nested_gpa().</remarks>
    internal bool TryTranslateNested(KvmVcpu vcpu, ulong gpa, ulong access, out ulong result, out WalkFault fault)
    {
        using var scope = Journal.Enter(KvmFunction.TranslateNestedGpa);
        return PagingOf(vcpu.GuestMmu)!.TryTranslate(
            vcpu, vcpu.GuestMmu, gpa, access | Pferr.User, overridesSmap: false, out result, out fault);
    }

    /// <summary>The dummy root, made when it is first needed.</summary>
    internal TablePage TakeDummyRoot(int level) => DummyRoot ??= _vm.Pages.AllocateSpecial(level);

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

    void IMmuBackend.ZapCollapsible(Memslot slot) => RmapRanges.ZapCollapsible(slot);

    void IMmuBackend.Invalidate() => Recycler.BeginGeneration();

    void IMmuBackend.ZapInvalidated() => Recycler.ZapObsolete();

    void IMmuBackend.ZapAll() => Recycler.ZapAll();
}
