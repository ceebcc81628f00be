using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Takes shadow pages out of use: first empties and unlinks them, then, when no CPU can walk them any more, frees them.</summary>
internal sealed class Zapper(
    KvmVm vm, ActivePages active, ShadowPageHash hash, ShadowedGfns shadowed, SpteStore sptes, Rmap rmap, ParentPtes parents, UnsyncPages unsync)
{
    /// <summary>Takes one page out of use.</summary>
    /// <returns>How many pages that were, children included; more than 0 also means that the list of active pages changed.</returns>
    /// <remarks>KVM: __kvm_mmu_prepare_zap_page().</remarks>
    public int PrepareZapPage(ShadowPage page, ref ZapList invalid)
    {
        PrepareZapPage(page, ref invalid, out var zapped);
        return zapped;
    }

    /// <param name="page">The page.</param>
    /// <param name="invalid">Takes the pages that can be freed.</param>
    /// <param name="zapped">How many went.</param>
    /// <returns>The list of active pages changed in more than this page.</returns>
    /// <remarks>KVM: __kvm_mmu_prepare_zap_page().</remarks>
    public bool PrepareZapPage(ShadowPage page, ref ZapList invalid, out int zapped)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuPrepareZapPage);
        vm.Journal.TablePage(page.Describe(PageOperation.Zap));
        vm.Stats.MmuShadowZapped++;
        zapped = ZapUnsyncChildren(page, ref invalid);
        zapped += UnlinkChildren(page, ref invalid);
        parents.DropAll(page);
        var listUnstable = zapped > 0;
        if (!page.Role.Invalid && page.HasGptes)
            shadowed.Unaccount(page);
        if (page.Unsync)
            unsync.Unlink(page);
        var zappedRoot = false;
        if (page.RootCount == 0)
        {
            zapped++;
            if (!page.Role.Invalid || vm.Kernel.ZappedRootsStayActive)
                active.Remove(page);
            invalid.Add(page);
            active.UsedCount--;
        }
        else if (vm.Kernel.ZappedRootsStayActive)
        {
            active.Remove(page);
            active.Add(page);
            vm.MakeAllCpusRequest(VcpuRequests.MmuReload);
        }
        else
        {
            // A root stays until the last vCPU lets go of it; it is no longer one of the active pages.
            if (!page.Role.Invalid)
                active.Remove(page);
            zappedRoot = !vm.IsObsolete(page);
        }

        vm.NxHugePages.Unaccount(page);
        page.Role = page.Role.WithInvalid(true);
        if (zappedRoot)
            vm.MakeAllCpusRequest(VcpuRequests.MmuFreeObsoleteRoots);
        return listUnstable;
    }

    /// <summary>Frees zapped pages, once no CPU can walk them.</summary>
    /// <remarks>KVM: kvm_mmu_commit_zap_page().</remarks>
    public void CommitZapPage(ref ZapList invalid)
    {
        if (invalid.IsEmpty)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuCommitZapPage);
        vm.Tlb.FlushRemote();
        while (invalid.TakeFirst() is { } page)
        {
            Invariant.Holds(page.Role.Invalid && page.RootCount == 0, $"page {page.Id} is freed while it is in use");
            hash.Remove(page);
            vm.Pages.Free(page);
        }
    }

    /// <remarks>KVM: kvm_mmu_remote_flush_or_zap().</remarks>
    public bool RemoteFlushOrZap(ref ZapList invalid, bool remoteFlush)
    {
        if (!remoteFlush && invalid.IsEmpty)
            return false;
        if (invalid.IsEmpty)
            vm.Tlb.FlushRemote();
        else
            CommitZapPage(ref invalid);
        return true;
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

    private int ZapPte(Sptep entry, ref ZapList invalid, bool zapNestedOrphans)
    {
        var spte = entry.Value;
        if (entry.Page.IsPresent(spte))
        {
            using var scope = vm.Journal.Enter(KvmFunction.MmuPageZapPte);
            if (spte.IsLast(entry.Level))
            {
                rmap.DropSpte(entry);
                return 0;
            }

            var child = vm.Pages.ChildOf(spte);
            parents.Drop(child, entry);
            var isOrphan = child.ParentPtes == 0 && (child.RootCount == 0 || vm.Kernel.ZapsOrphanedRoots);
            if (vm.TdpEnabled && zapNestedOrphans && child.Role.GuestMode && isOrphan)
                return PrepareZapPage(child, ref invalid);
        }
        else if (vm.Format.IsMmio(spte))
        {
            using var scope = vm.Journal.Enter(KvmFunction.MmuPageZapPte);
            sptes.ClearNoTrack(entry, vm.Format.MmioGfn(spte));
        }

        return 0;
    }

    /// <remarks>KVM: kvm_mmu_page_unlink_children().</remarks>
    private int UnlinkChildren(ShadowPage page, ref ZapList invalid)
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

    /// <remarks>KVM: mmu_zap_unsync_children().</remarks>
    private int ZapUnsyncChildren(ShadowPage parent, ref ZapList invalid)
    {
        if (parent.Role.Level == PgLevel.Size4K || parent.UnsyncChildren == 0)
            return 0;
        using var scope = vm.Journal.Enter(KvmFunction.MmuZapUnsyncChildren);
        var zapped = 0;
        var walk = unsync.RentWalk();
        while (walk.Collect(parent))
        {
            for (var more = walk.First(); more; more = walk.Next())
            {
                PrepareZapPage(walk.Page, ref invalid);
                walk.ClearParents();
                zapped++;
            }
        }

        unsync.Return(walk);
        return zapped;
    }
}

/// <summary>Pages that are zapped and wait to be freed; linked through the pages themselves.</summary>
/// <remarks>KVM: the invalid_list of mmu.c.</remarks>
internal struct ZapList
{
    private ShadowPage? _first;

    public readonly bool IsEmpty => _first is null;

    /// <remarks>KVM: list_add(): the last one zapped is the first one freed.</remarks>
    public void Add(ShadowPage page)
    {
        page.LinkNext = _first;
        page.LinkPrevious = null;
        _first = page;
    }

    public ShadowPage? TakeFirst()
    {
        var page = _first;
        if (page is not null)
        {
            _first = page.LinkNext;
            page.LinkNext = null;
        }

        return page;
    }
}
