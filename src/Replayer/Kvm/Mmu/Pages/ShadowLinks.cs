using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Links table pages to each other and takes them apart.</summary>
internal sealed class ShadowLinks(KvmVm vm, ShadowMmu mmu)
{
    /// <summary>Makes an entry point at a page; what was there is zapped first.</summary>
    /// <remarks>KVM: __link_shadow_page().</remarks>
    public void Link(Sptep entry, ShadowPage child)
    {
        using var scope = vm.Journal.Enter(KvmFunction.LinkShadowPage);
        if (entry.IsPresent)
        {
            var invalid = default(ZapList);
            ZapPte(entry, ref invalid);
            mmu.Zapper.RemoteFlushOrZap(ref invalid, remoteFlush: true);
        }

        var spte = vm.Format.MakeNonleaf(child.Pfn, child.Role.AdDisabled);
        mmu.Sptes.Set(entry, spte, child.Gfn);
        mmu.PteLists.Add(ref child.ParentPtes, entry.Packed);
        vm.Journal.Rmap(RmapOperation.AddParent, child.Gfn, entry.Page.Id, entry.Index, entry.Level, child.Id);
        if (child.UnsyncChildren > 0 || child.Unsync)
            mmu.UnsyncPages.Mark(entry);
    }

    /// <summary>The entry no longer points at the page.</summary>
    /// <remarks>KVM: drop_parent_pte().</remarks>
    public void DropParentPte(ShadowPage child, Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DropParentPte);
        mmu.PteLists.Remove(ref child.ParentPtes, entry.Packed);
        vm.Journal.Rmap(RmapOperation.RemoveParent, child.Gfn, entry.Page.Id, entry.Index, entry.Level, child.Id);
        mmu.Sptes.ClearNoTrack(entry, child.Gfn);
    }

    /// <summary>Clears one entry, whatever it is.</summary>
    /// <returns>How many pages that took along.</returns>
    /// <remarks>KVM: mmu_page_zap_pte().</remarks>
    public int ZapPte(Sptep entry, ref ZapList invalid) => ZapPte(entry, ref invalid, zapNestedOrphans: true);

    /// <remarks>KVM: mmu_page_zap_pte() with a NULL list.</remarks>
    public void ZapPte(Sptep entry)
    {
        var none = default(ZapList);
        ZapPte(entry, ref none, zapNestedOrphans: false);
    }

    /// <remarks>KVM: kvm_mmu_page_unlink_children().</remarks>
    public int UnlinkChildren(ShadowPage page, ref ZapList invalid)
    {
        if (page.FilledCount == 0)
            return 0;
        var zapped = 0;
        for (var index = 0; index < TablePage.EntryCount; index++)
        {
            if (page[index] != page.Empty)
                zapped += ZapPte(new Sptep(page, index), ref invalid);
        }

        return zapped;
    }

    /// <remarks>KVM: kvm_mmu_unlink_parents().</remarks>
    public void UnlinkParents(ShadowPage page)
    {
        int packed;
        while ((packed = mmu.PteLists.First(page.ParentPtes, out _)) != 0)
            DropParentPte(page, vm.Pages.Unpack(packed));
    }

    private int ZapPte(Sptep entry, ref ZapList invalid, bool zapNestedOrphans)
    {
        var spte = entry.Value;
        if (entry.Page.IsPresent(spte))
        {
            using var scope = vm.Journal.Enter(KvmFunction.MmuPageZapPte);
            if (spte.IsLast(entry.Level))
            {
                mmu.Rmap.DropSpte(entry);
                return 0;
            }

            var child = vm.Pages.ChildOf(spte);
            DropParentPte(child, entry);
            var isOrphan = child.ParentPtes == 0 && (child.RootCount == 0 || vm.Kernel.ZapsOrphanedRoots);
            if (vm.TdpEnabled && zapNestedOrphans && child.Role.GuestMode && isOrphan)
                return mmu.Zapper.PrepareZapPage(child, ref invalid);
        }
        else if (vm.Format.IsMmio(spte))
        {
            using var scope = vm.Journal.Enter(KvmFunction.MmuPageZapPte);
            mmu.Sptes.ClearNoTrack(entry, vm.Format.MmioGfn(spte));
        }

        return 0;
    }
}
