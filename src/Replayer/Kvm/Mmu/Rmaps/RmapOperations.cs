using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>What can be done to all the entries that map one gfn. Each returns whether TLBs must be flushed.</summary>
internal sealed class RmapOperations(KvmVm vm, PteLists lists, SpteStore sptes, Rmap rmap)
{
    private readonly SpteFormat _format = vm.Format;

    /// <summary>Takes the right to write away.</summary>
    /// <param name="head">The gfn's list.</param>
    /// <param name="forShadowing">The gfn is a guest table: a fast page fault must not give the right back.</param>
    /// <remarks>KVM: rmap_write_protect().</remarks>
    public bool WriteProtect(int head, bool forShadowing)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.RmapWriteProtect);
        var flush = false;
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            flush |= SpteWriteProtect(vm.Pages.Unpack(entry), forShadowing);
        return flush;
    }

    /// <summary>Makes the next write visible to the dirty log again: by the D bit, or by a fault where there is none.</summary>
    /// <remarks>KVM: __rmap_clear_dirty().</remarks>
    public bool ClearDirty(int head)
    {
        var flush = false;
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            flush |= SpteClearDirty(vm.Pages.Unpack(entry));
        return flush;
    }

    /// <summary>The host put another frame in place of the gfn's.</summary>
    /// <remarks>KVM: kvm_set_pte_rmap().</remarks>
    public bool SetPte(ref int head, ulong newPfn, bool writable)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetPteRmap);
        for (var packed = lists.First(head, out var cursor); packed != 0;)
        {
            var entry = vm.Pages.Unpack(packed);
            if (writable)
            {
                rmap.ZapOne(ref head, entry);
                packed = lists.First(head, out cursor);
                continue;
            }

            var made = _format.MakeForChangedPfn(entry.Value, newPfn);
            sptes.ClearTrackBits(entry);
            sptes.Set(entry, made, entry.Gfn);
            // KVM counts the page as unmapped, and never as mapped again.
            vm.Stats.PagesNotCounted[entry.Level - 1]++;
            packed = lists.Next(ref cursor);
        }

        return true;
    }

    /// <summary>Takes the accessed state away.</summary>
    /// <returns>The gfn had been accessed.</returns>
    /// <remarks>KVM: kvm_age_rmap(); later kvm_rmap_age_gfn_range().</remarks>
    public bool Age(int head)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(vm.Kernel.AgesRmapsInOneFunction ? KvmFunction.KvmRmapAgeGfnRange : KvmFunction.KvmAgeRmap);
        var young = false;
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            young |= sptes.Age(vm.Pages.Unpack(entry));
        return young;
    }

    /// <remarks>KVM: kvm_test_age_rmap().</remarks>
    public bool TestAge(int head)
    {
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
        {
            if (_format.IsAccessed(vm.Pages.Unpack(entry).Value))
                return true;
        }

        return false;
    }

    /// <summary>Clears small entries of direct pages where a huge page could be.</summary>
    /// <remarks>KVM: kvm_mmu_zap_collapsible_spte().</remarks>
    public bool ZapCollapsible(ref int head, Memslot slot)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapCollapsibleSpte);
        var flush = false;
        for (var packed = lists.First(head, out var cursor); packed != 0;)
        {
            var entry = vm.Pages.Unpack(packed);
            var page = entry.Page;
            if (page.Role.Direct && slot.Contains(page.Gfn)
                && page.Role.Level < vm.HugePages.MaxMappingLevel(slot, page.Gfn, int.MaxValue))
            {
                rmap.ZapOne(ref head, entry);
                flush = true;
                packed = lists.First(head, out cursor);
                continue;
            }

            packed = lists.Next(ref cursor);
        }

        return flush;
    }

    /// <remarks>KVM: spte_write_protect().</remarks>
    private bool SpteWriteProtect(Sptep entry, bool forShadowing)
    {
        var spte = entry.Value;
        if (!spte.IsWritable && !(forShadowing && _format.IsMmuWritable(spte)))
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.SpteWriteProtect);
        if (forShadowing)
            spte = spte.Without(_format.MmuWritableMask);
        return sptes.Update(entry, spte.Without(Spte.WritableMask), entry.Gfn);
    }

    /// <remarks>KVM: spte_clear_dirty(), spte_wrprot_for_clear_dirty().</remarks>
    private bool SpteClearDirty(Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.SpteClearDirty);
        var spte = entry.Value;
        if (!SpteFormat.NeedsWriteProtectForDirty(spte))
            return sptes.Update(entry, spte.Without(_format.DirtyMask), entry.Gfn);
        if (!spte.IsWritable)
            return false;
        vm.Writer.Write(entry.Page, entry.Index, spte.Without(Spte.WritableMask), entry.Gfn);
        return true;
    }
}
