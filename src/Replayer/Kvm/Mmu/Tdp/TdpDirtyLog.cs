using System.Numerics;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>Write protection, dirty bits and page sizes of the TDP MMU's entries: what dirty logging and shadow paging ask for.</summary>
internal sealed class TdpDirtyLog(KvmVm vm, TdpRoots roots, TdpEntries entries)
{
    /// <summary>Takes write access from the entries of the slot at <paramref name="minLevel"/> and above.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_wrprot_slot(), wrprot_gfn_range().</remarks>
    public void WriteProtectSlot(Memslot slot, int minLevel)
    {
        using var scope = vm.Journal.Enter(KvmFunction.WrprotGfnRange);
        foreach (var root in roots.Valid())
        {
            for (var at = new TdpIterator(vm.Pages, root, minLevel, slot.BaseGfn); at.IsBefore(slot.EndGfn); at.Next())
            {
                if (at.IsAtLeaf && at.Old.IsWritable)
                    entries.SetAtomic(at.Entry, at.Old.Without(Spte.WritableMask), at.Gfn);
            }
        }
    }

    /// <summary>Makes the CPU log, or KVM see, the next write to each page of the slot.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_clear_dirty_slot(), clear_dirty_gfn_range().</remarks>
    public void ClearDirtySlot(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.ClearDirtyGfnRange);
        foreach (var root in roots.Valid())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, slot.BaseGfn); at.IsBefore(slot.EndGfn); at.Next())
            {
                if (!at.IsAtLeaf)
                    continue;
                var clean = Clean(at.Old, writeProtect: false);
                if (clean != at.Old)
                    entries.SetAtomic(at.Entry, clean, at.Gfn);
            }
        }
    }

    /// <summary>The same for those of 64 pages whose bit is set; only 4 KiB entries are touched.</summary>
    /// <param name="gfn">The page of bit 0.</param>
    /// <param name="mask">Which of the 64.</param>
    /// <param name="writeProtect">By taking write access, whatever the entries' dirty bits could do.</param>
    /// <remarks>KVM: kvm_tdp_mmu_clear_dirty_pt_masked(), clear_dirty_pt_masked().</remarks>
    public void ClearDirtyMasked(ulong gfn, ulong mask, bool writeProtect)
    {
        using var scope = vm.Journal.Enter(KvmFunction.ClearDirtyPtMasked);
        foreach (var root in Protected())
            ClearDirtyMasked(root, gfn, mask, writeProtect);
    }

    private void ClearDirtyMasked(ShadowPage root, ulong gfn, ulong mask, bool writeProtect)
    {
        var start = gfn + (ulong)BitOperations.TrailingZeroCount(mask);
        for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, start); mask != 0 && at.IsBefore(gfn + 64); at.Next())
        {
            if (!at.IsAtLeaf || at.Level > PgLevel.Size4K)
                continue;
            var bit = 1UL << (int)(at.Gfn - gfn);
            if ((mask & bit) == 0)
                continue;
            mask &= ~bit;
            var clean = Clean(at.Old, writeProtect);
            if (clean != at.Old)
                entries.ClearBits(at.Entry, clean, at.Gfn);
        }
    }

    /// <summary>The roots in which single pages are protected.</summary>
    private ShadowPage[] Protected() => vm.Kernel.ProtectsInInvalidRoots ? roots.All() : roots.Valid();

    private Spte Clean(Spte spte, bool writeProtect) =>
        spte.Without(writeProtect || SpteFormat.NeedsWriteProtectForDirty(spte) ? Spte.WritableMask : vm.Format.DirtyMask);

    /// <summary>Write-protects a gfn for good: it holds a guest table that is shadowed.</summary>
    /// <returns>An entry changed: TLBs must be flushed.</returns>
    /// <remarks>KVM: kvm_tdp_mmu_write_protect_gfn(), write_protect_gfn().</remarks>
    public bool WriteProtectGfn(ulong gfn, int minLevel)
    {
        using var scope = vm.Journal.Enter(KvmFunction.WriteProtectGfn);
        var changed = false;
        foreach (var root in Protected())
        {
            for (var at = new TdpIterator(vm.Pages, root, minLevel, gfn); at.IsBefore(gfn + 1); at.Next())
            {
                if (!at.IsAtLeaf)
                    continue;
                var spte = at.Old.Without(Spte.WritableMask | vm.Format.MmuWritableMask);
                if (spte == at.Old)
                    break;
                entries.Set(at.Entry, spte, at.Gfn);
                changed = true;
            }
        }

        return changed;
    }

    /// <summary>Splits the huge pages of a range down to <paramref name="targetLevel"/>.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_try_split_huge_pages(), tdp_mmu_split_huge_pages_root().</remarks>
    public void TrySplitHugePages(ulong start, ulong end, int targetLevel, bool shared)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuSplitHugePagesRoot);
        foreach (var root in roots.Valid())
        {
            for (var at = new TdpIterator(vm.Pages, root, targetLevel + 1, start); at.IsBefore(end); at.Next())
            {
                if (at.Old.IsShadowPresent && at.Old.IsLarge)
                    SplitHugePage(at, shared);
            }
        }
    }

    private void SplitHugePage(in TdpIterator at, bool shared)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuSplitHugePage);
        Split(vm, entries, at, TdpPages.CreateChild(vm, at.Entry, at.Gfn), shared);
    }

    /// <summary>The table of small pages is filled before it takes the place of the huge entry.</summary>
    /// <remarks>KVM: tdp_mmu_split_huge_page(). The tracepoint kvm_mmu_split_huge_page does not show the small entries.</remarks>
    internal static void Split(KvmVm vm, TdpEntries entries, in TdpIterator at, ShadowPage page, bool shared)
    {
        for (var i = 0; i < TablePage.EntryCount; i++)
            vm.Writer.Write(page, i, vm.Format.MakeHugePageSplit(at.Old, page.Role, i, vm.Profile.NxHugePages), page.GfnAt(i));
        TdpFaults.Link(vm, entries, at, page, shared);
        vm.Stats.UpdatePages(at.Level - 1, TablePage.EntryCount);
    }

    /// <summary>Zaps the tables that could be huge pages instead: the next fault makes them so.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_zap_collapsible_sptes(), zap_collapsible_spte_range().</remarks>
    public void ZapCollapsible(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.ZapCollapsibleSpteRange);
        foreach (var root in roots.Valid())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size2M, slot.BaseGfn); at.IsBefore(slot.EndGfn); at.Next())
            {
                if (at.Level > PgLevel.MaxHugePage || !at.Old.IsShadowPresent || at.Old.IsLast(at.Level) || !slot.Contains(at.Gfn))
                    continue;
                if (vm.HugePages.MaxMappingLevel(slot, at.Gfn, PgLevel.MaxHugePage) >= at.Level)
                    entries.ZapAtomic(at.Entry, at.Gfn);
            }
        }
    }
}
