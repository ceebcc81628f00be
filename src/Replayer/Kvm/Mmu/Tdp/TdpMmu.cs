using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>
/// The TDP MMU: KVM's second implementation of direct mapping, without reverse maps and page cache, the default since Linux 5.15.
/// This is all that the rest of KVM calls.
/// </summary>
/// <remarks>KVM: arch/x86/kvm/mmu/tdp_mmu.c.</remarks>
public sealed class TdpMmu : IMmuBackend
{
    private readonly TdpEntries _entries;
    private readonly TdpRoots _roots;
    private readonly TdpFaults _faults;
    private readonly TdpDirtyLog _dirtyLog;
    private readonly TdpNotifier _notifier;

    internal TdpMmu(KvmVm vm, SpteMaker maker)
    {
        _entries = new TdpEntries(vm);
        _roots = new TdpRoots(vm, _entries);
        _faults = new TdpFaults(vm, maker, _entries);
        _dirtyLog = new TdpDirtyLog(vm, _roots, _entries);
        _notifier = new TdpNotifier(vm, _roots, _entries);
    }

    /// <summary>All roots, the newest first, also those marked invalid.</summary>
    /// <remarks>KVM: tdp_mmu_roots.</remarks>
    public IReadOnlyList<ShadowPage> Roots => _roots.All();

    /// <inheritdoc cref="TdpRoots.GetForVcpu"/>
    public ShadowPage GetVcpuRoot(PageRole role) => _roots.GetForVcpu(role);

    /// <inheritdoc cref="TdpRoots.Put"/>
    public void PutRoot(ShadowPage root) => _roots.Put(root);

    /// <inheritdoc cref="TdpRoots.InvalidateAll"/>
    public void InvalidateAllRoots() => _roots.InvalidateAll();

    /// <inheritdoc cref="TdpRoots.ZapInvalidated"/>
    public void ZapInvalidatedRoots() => _roots.ZapInvalidated();

    /// <inheritdoc cref="TdpRoots.ZapAll"/>
    public void ZapAll() => _roots.ZapAll();

    /// <inheritdoc cref="TdpFaults.Map"/>
    public RetPf Map(KvmVcpu vcpu, int tablesDownTo = 0) => _faults.Map(vcpu, tablesDownTo);

    /// <inheritdoc cref="TdpFaults.GetLastSptep"/>
    public Sptep GetLastSptep(ShadowPage root, ulong gfn) => _faults.GetLastSptep(root, gfn);

    /// <inheritdoc cref="TdpFaults.GetWalk"/>
    public int GetWalk(ShadowPage root, ulong gfn, Span<Spte> byLevel) => _faults.GetWalk(root, gfn, byLevel);

    /// <summary>Zaps one table: an NX-huge-page split that may be worth a huge page again.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_zap_sp().</remarks>
    public void ZapPage(ShadowPage page)
    {
        var entry = page.ParentEntry;
        Invariant.Holds(entry is not null, $"root {page.Id} is no table below an entry");
        _entries.Set(entry.Value, page.Empty, page.Gfn);
    }

    /// <inheritdoc cref="TdpNotifier.ZapLeafs"/>
    public bool ZapLeafs(ulong start, ulong end, bool flush) => _notifier.ZapLeafs(start, end, flush);

    /// <inheritdoc cref="TdpNotifier.Age"/>
    public bool Age(ulong start, ulong end) => _notifier.Age(start, end);

    /// <inheritdoc cref="TdpNotifier.TestAge"/>
    public bool TestAge(ulong start, ulong end) => _notifier.TestAge(start, end);

    /// <inheritdoc cref="TdpNotifier.SetSpteGfn"/>
    public bool SetSpteGfn(ulong gfn, ulong pfn, bool writable) => _notifier.SetSpteGfn(gfn, pfn, writable);

    /// <inheritdoc cref="TdpDirtyLog.WriteProtectSlot"/>
    public void WriteProtectSlot(Memslot slot, int minLevel) => _dirtyLog.WriteProtectSlot(slot, minLevel);

    /// <inheritdoc cref="TdpDirtyLog.ClearDirtySlot"/>
    public void ClearDirtySlot(Memslot slot) => _dirtyLog.ClearDirtySlot(slot);

    /// <inheritdoc cref="TdpDirtyLog.ClearDirtyMasked(ulong, ulong, bool)"/>
    public void ClearDirtyMasked(ulong gfn, ulong mask, bool writeProtect) => _dirtyLog.ClearDirtyMasked(gfn, mask, writeProtect);

    /// <inheritdoc cref="TdpDirtyLog.WriteProtectGfn"/>
    public bool WriteProtectGfn(ulong gfn, int minLevel) => _dirtyLog.WriteProtectGfn(gfn, minLevel);

    /// <inheritdoc cref="TdpDirtyLog.TrySplitHugePages"/>
    public void TrySplitHugePages(ulong start, ulong end, int targetLevel, bool shared) =>
        _dirtyLog.TrySplitHugePages(start, end, targetLevel, shared);

    /// <inheritdoc cref="TdpDirtyLog.ZapCollapsible"/>
    public void ZapCollapsible(Memslot slot) => _dirtyLog.ZapCollapsible(slot);

    bool IMmuBackend.IsInUse => true;

    bool IMmuBackend.UnmapRange(Memslot slot, ulong startGfn, ulong endGfn, bool flush) => ZapLeafs(startGfn, endGfn, flush);

    bool IMmuBackend.SetSpteGfn(Memslot slot, ulong gfn, ulong pfn, bool writable) => SetSpteGfn(gfn, pfn, writable);

    bool IMmuBackend.Age(Memslot slot, ulong startGfn, ulong endGfn) => Age(startGfn, endGfn);

    bool IMmuBackend.TestAge(Memslot slot, ulong startGfn, ulong endGfn) => TestAge(startGfn, endGfn);

    bool IMmuBackend.WriteProtectGfn(Memslot slot, ulong gfn, int minLevel) => WriteProtectGfn(gfn, minLevel);

    void IMmuBackend.ClearDirtyMasked(Memslot slot, ulong gfnOffset, ulong mask, bool writeProtect) =>
        ClearDirtyMasked(slot.BaseGfn + gfnOffset, mask, writeProtect);

    void IMmuBackend.TrySplitHugePages(Memslot slot, ulong startGfn, ulong endGfn, bool shared) =>
        TrySplitHugePages(startGfn, endGfn, PgLevel.Size4K, shared);

    void IMmuBackend.Invalidate() => InvalidateAllRoots();

    void IMmuBackend.ZapInvalidated() => ZapInvalidatedRoots();
}
