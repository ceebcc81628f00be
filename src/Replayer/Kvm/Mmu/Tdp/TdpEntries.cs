using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>
/// Changes entries of the TDP MMU's tables and does what every change entails: page counts, the dirty log, the end of a subtree that
/// lost its parent.
/// </summary>
/// <remarks>
/// KVM changes entries with mmu_lock held for read, atomically, or for write. Nothing races here, but what is written differs: of a
/// table that goes under the read lock all 512 entries are marked removed, under the write lock only the present ones.
/// </remarks>
internal sealed class TdpEntries(KvmVm vm)
{
    private readonly Journal _journal = vm.Journal;
    private readonly SpteFormat _format = vm.Format;
    private readonly Spte _frozen = new(vm.Kernel.FrozenSpte);

    /// <summary>Stores an entry with mmu_lock held for read.</summary>
    /// <remarks>KVM: tdp_mmu_set_spte_atomic().</remarks>
    public void SetAtomic(Sptep entry, Spte value, ulong gfn, Tracepoint tracepoint = Tracepoint.KvmTdpMmuSpteChanged)
    {
        using var scope = _journal.Enter(KvmFunction.TdpMmuSetSpteAtomic);
        Invariant.Holds(!entry.Value.IsRemoved, "an entry that is being removed was set");
        var old = vm.Writer.Write(entry.Page, entry.Index, value, gfn, tracepoint);
        HandleChanged(gfn, old, value, entry.Level, shared: true);
    }

    /// <summary>Takes an entry away in two steps, so that nobody can fill it before the TLBs are flushed.</summary>
    /// <remarks>KVM: tdp_mmu_zap_spte_atomic().</remarks>
    public void ZapAtomic(Sptep entry, ulong gfn)
    {
        using var scope = _journal.Enter(KvmFunction.TdpMmuZapSpteAtomic);
        var empty = entry.Page.Empty;
        if (!vm.Kernel.ShowsAtomicZapAtItsEnd)
        {
            SetAtomic(entry, _frozen, gfn);
            vm.Tlb.FlushRemoteWithAddress(gfn, PageLevels.PagesPerHugePage(entry.Level));
            vm.Writer.Write(entry.Page, entry.Index, empty, gfn);
            return;
        }

        var old = vm.Writer.Write(entry.Page, entry.Index, _frozen, gfn);
        vm.Tlb.FlushRemoteWithAddress(gfn, PageLevels.PagesPerHugePage(entry.Level));
        vm.Writer.Write(entry.Page, entry.Index, empty, gfn, Tracepoint.KvmTdpMmuSpteChanged);
        HandleChanged(gfn, old, empty, entry.Level, shared: true);
    }

    /// <summary>Stores an entry with mmu_lock held for write.</summary>
    /// <param name="entry">Where.</param>
    /// <param name="value">The new value.</param>
    /// <param name="gfn">First gfn that the entry translates.</param>
    /// <param name="recordDirtyLog">A page that becomes writable counts as written.</param>
    /// <remarks>KVM: __tdp_mmu_set_spte(), and the helpers that call it.</remarks>
    public void Set(Sptep entry, Spte value, ulong gfn, bool recordDirtyLog = true)
    {
        using var scope = _journal.Enter(KvmFunction.TdpMmuSetSpte);
        Invariant.Holds(!entry.Value.IsRemoved && !value.IsRemoved, "the mark of removal was met with mmu_lock held for write");
        var old = vm.Writer.Write(entry.Page, entry.Index, value, gfn, Tracepoint.KvmTdpMmuSpteChanged);
        HandleChanged(gfn, old, value, entry.Level, shared: false);
        if (recordDirtyLog && vm.Kernel.StoringMarksDirty)
            LogDirty(gfn, old, value, entry.Level);
    }

    /// <summary>Takes bits from an entry, with mmu_lock held for write.</summary>
    /// <remarks>KVM: tdp_mmu_clear_spte_bits(), kvm_tdp_mmu_write_spte(); earlier tdp_mmu_set_spte_no_dirty_log(), tdp_mmu_set_spte_no_acc_track().</remarks>
    public void ClearBits(Sptep entry, Spte value, ulong gfn)
    {
        if (vm.Kernel.ClearsBitsInPlace)
            vm.Writer.Write(entry.Page, entry.Index, value, gfn, Tracepoint.KvmTdpMmuSpteChanged);
        else
            Set(entry, value, gfn, recordDirtyLog: false);
    }

    /// <remarks>KVM: __handle_changed_spte().</remarks>
    private void HandleChanged(ulong gfn, Spte old, Spte value, int level, bool shared)
    {
        var wasPresent = old.IsShadowPresent;
        var isPresent = value.IsShadowPresent;
        var wasLeaf = wasPresent && old.IsLast(level);
        var isLeaf = isPresent && value.IsLast(level);
        Check(gfn, old, value, wasLeaf && isLeaf, level);
        if (old == value)
            return;
        if (isLeaf)
            _format.CheckWritableInvariants(value);
        if (!wasPresent && !isPresent)
        {
            if (!_format.IsMmio(old) && !_format.IsMmio(value) && !value.IsRemoved)
                Invariant.Broken($"gfn {gfn:x} level {level}: {old} gave way to {value}, neither of them present");
            return;
        }

        if (isLeaf != wasLeaf)
            vm.Stats.UpdatePages(level, isLeaf ? 1 : -1);
        if (wasPresent && !wasLeaf && (isLeaf || !isPresent))
            HandleRemovedTable(vm.Pages.ChildOf(old), shared);
    }

    private static void Check(ulong gfn, Spte old, Spte value, bool bothLeaves, int level)
    {
        if ((gfn & (PageLevels.PagesPerHugePage(level) - 1)) != 0)
            Invariant.Broken($"gfn {gfn:x} is not aligned to level {level}");
        if (bothLeaves && old.Pfn != value.Pfn)
            Invariant.Broken($"gfn {gfn:x} level {level}: present leaf {old} was given another frame, {value}");
    }

    /// <summary>A table lost the entry that pointed at it: its entries go, the tables below them, then the page itself.</summary>
    /// <remarks>KVM: handle_removed_pt().</remarks>
    private void HandleRemovedTable(ShadowPage page, bool shared)
    {
        using var scope = _journal.Enter(KvmFunction.HandleRemovedPt);
        _journal.TablePage(page.Describe(PageOperation.Zap));
        vm.NxHugePages.Unaccount(page);
        var level = page.Role.Level;
        for (var i = 0; i < TablePage.EntryCount; i++)
        {
            if (!shared && !page[i].IsShadowPresent)
                continue;
            var gfn = page.GfnAt(i);
            var old = vm.Writer.Write(page, i, _frozen, gfn, Tracepoint.KvmTdpMmuSpteChanged);
            HandleChanged(gfn, old, _frozen, level, shared);
        }

        vm.Pages.Free(page);
    }

    /// <remarks>KVM: handle_changed_spte_dirty_log().</remarks>
    private void LogDirty(ulong gfn, Spte old, Spte value, int level)
    {
        if (level == PgLevel.Size4K && value.IsWritable && (!old.IsWritable || old.Pfn != value.Pfn))
            vm.Memslots.Find(gfn)?.MarkDirty(gfn);
    }
}
