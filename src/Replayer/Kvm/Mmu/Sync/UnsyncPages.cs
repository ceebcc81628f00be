using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Lets level-1 guest tables be written without a trap, and remembers below which entries such tables lie.</summary>
internal sealed class UnsyncPages(KvmVm vm, ShadowPageHash hash, PteLists lists)
{
    private readonly Stack<UnsyncWalk> _freeWalks = new();

    /// <summary>Makes every shadow page of the gfn unsync, so that the gfn can be mapped writable.</summary>
    /// <param name="slot">The memslot of the gfn.</param>
    /// <param name="gfn">The gfn about to be mapped writable.</param>
    /// <param name="canUnsync">False while pages are being synced: then none may become unsync.</param>
    /// <param name="prefetch">Nobody asked for the mapping yet: not worth it.</param>
    /// <returns>False: the mapping must be read-only.</returns>
    /// <remarks>KVM: mmu_try_to_unsync_pages().</remarks>
    public bool TryUnsync(Memslot slot, ulong gfn, bool canUnsync, bool prefetch)
    {
        if (hash.IndirectCount == 0)
            return true;
        if (slot.Rmaps.IsWriteTracked(gfn))
            return false;
        for (var page = hash.Bucket(gfn); page is not null; page = page.HashNext)
        {
            if (page.Gfn != gfn || !page.HasGptes || vm.IsObsolete(page))
                continue;
            if (!canUnsync)
                return false;
            if (page.Unsync)
                continue;
            if (prefetch)
                return false;
            Invariant.Holds(page.Role.Level == PgLevel.Size4K, $"page {page.Id} of level {page.Role.Level} was about to become unsync");
            Unsync(page);
        }

        return true;
    }

    /// <summary>The entry leads to an unsync page.</summary>
    /// <remarks>KVM: mark_unsync().</remarks>
    internal void Mark(Sptep entry)
    {
        var page = entry.Page;
        if (page.TestAndSetUnsyncChild(entry.Index))
            return;
        if (page.UnsyncChildren++ == 0)
            MarkParents(page);
    }

    /// <summary>The page is in step with the guest's table again.</summary>
    /// <remarks>KVM: kvm_unlink_unsync_page().</remarks>
    internal void Unlink(ShadowPage page)
    {
        Invariant.Holds(page.Unsync, $"page {page.Id} is synced though it is not unsync");
        vm.Journal.TablePage(page.Describe(PageOperation.Sync));
        page.Unsync = false;
        vm.Stats.MmuUnsync--;
    }

    /// <summary>A walk, for reuse: one is needed at a time, except where zapping nests.</summary>
    public UnsyncWalk RentWalk() => _freeWalks.TryPop(out var walk) ? walk : new UnsyncWalk(vm.Pages);

    public void Return(UnsyncWalk walk) => _freeWalks.Push(walk);

    private void Unsync(ShadowPage page)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmUnsyncPage);
        vm.Journal.TablePage(page.Describe(PageOperation.Unsync));
        vm.Stats.MmuUnsync++;
        page.Unsync = true;
        MarkParents(page);
    }

    private void MarkParents(ShadowPage page)
    {
        for (var entry = lists.First(page.ParentPtes, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            Mark(vm.Pages.Unpack(entry));
    }
}
