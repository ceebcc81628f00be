using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Takes shadow pages out of use: first empties and unlinks them, then, when no CPU can walk them any more, frees them.</summary>
internal sealed class Zapper(KvmVm vm, ShadowMmu mmu)
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
        zapped += mmu.Links.UnlinkChildren(page, ref invalid);
        mmu.Links.UnlinkParents(page);
        var listUnstable = zapped > 0;
        if (!page.Role.Invalid && page.HasGptes)
            mmu.ShadowPages.UnaccountShadowed(page);
        if (page.Unsync)
            mmu.UnsyncPages.Unlink(page);
        var zappedRoot = false;
        if (page.RootCount == 0)
        {
            zapped++;
            if (!page.Role.Invalid || vm.Kernel.ZappedRootsStayActive)
                mmu.ActivePages.Remove(page);
            invalid.Add(page);
            mmu.UsedMmuPages--;
        }
        else if (vm.Kernel.ZappedRootsStayActive)
        {
            mmu.ActivePages.Remove(page);
            mmu.ActivePages.Add(page);
            vm.MakeAllCpusRequest(VcpuRequests.MmuReload);
        }
        else
        {
            // A root stays until the last vCPU lets go of it; it is no longer one of the active pages.
            if (!page.Role.Invalid)
                mmu.ActivePages.Remove(page);
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
            mmu.PageHash.Remove(page);
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

    /// <remarks>KVM: mmu_zap_unsync_children().</remarks>
    private int ZapUnsyncChildren(ShadowPage parent, ref ZapList invalid)
    {
        if (parent.Role.Level == PgLevel.Size4K || parent.UnsyncChildren == 0)
            return 0;
        using var scope = vm.Journal.Enter(KvmFunction.MmuZapUnsyncChildren);
        var zapped = 0;
        var walk = mmu.UnsyncWalks.Rent();
        while (walk.Collect(parent))
        {
            for (var more = walk.First(); more; more = walk.Next())
            {
                PrepareZapPage(walk.Page, ref invalid);
                walk.ClearParents();
                zapped++;
            }
        }

        mmu.UnsyncWalks.Return(walk);
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
