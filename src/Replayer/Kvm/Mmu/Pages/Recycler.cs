using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Takes many shadow pages out of use at once: for want of room, because memslots changed, at the end.</summary>
internal class Recycler(KvmVm vm, ActivePages active, ShadowPageHash hash, Zapper zapper)
{
    /// <summary>KVM_MIN_FREE_MMU_PAGES: as many as one fault may need.</summary>
    protected const long MinFreePages = 5;

    /// <summary>KVM_REFILL_PAGES.</summary>
    protected const long RefillPages = 25;

    /// <summary>KVM_MIN_ALLOC_MMU_PAGES.</summary>
    private const long MinAllocPages = 64;

    /// <summary>KVM_MEMSLOT_PAGES_TO_MMU_PAGES_RATIO.</summary>
    private const long MemslotPagesPerMmuPage = 50;

    /// <summary>Shadow pages that may be in use.</summary>
    /// <remarks>KVM: n_max_mmu_pages, kvm_arch_commit_memory_region().</remarks>
    public long MaxPages => vm.Profile.MaxMmuPages > 0
        ? vm.Profile.MaxMmuPages
        : Math.Max((long)vm.Memslots.PageCount / MemslotPagesPerMmuPage, MinAllocPages);

    /// <summary>There is room to split a huge page.</summary>
    public bool HasRoomToSplit => AvailablePages > MinFreePages;

    /// <summary>The kernel's way of it.</summary>
    public static Recycler For(KvmVm vm, ActivePages active, ShadowPageHash hash, Zapper zapper) => vm.Kernel.RecyclesInBatches
        ? new Recycler(vm, active, hash, zapper)
        : new OneByOneRecycler(vm, active, hash, zapper);

    protected long AvailablePages => Math.Max(MaxPages - active.UsedCount, 0);

    /// <summary>Makes room for the pages that one fault may need.</summary>
    /// <returns>False: there is none.</returns>
    /// <remarks>KVM: make_mmu_pages_available().</remarks>
    public virtual bool MakePagesAvailable()
    {
        var available = AvailablePages;
        if (available >= MinFreePages)
            return true;
        using var scope = vm.Journal.Enter(KvmFunction.MakeMmuPagesAvailable);
        ZapOldest(RefillPages - available);
        return AvailablePages > 0;
    }

    /// <summary>Another generation of pages begins; those of the old one are zapped.</summary>
    /// <remarks>KVM: kvm_mmu_zap_all_fast(), the shadow MMU code's part of it.</remarks>
    public void BeginGeneration() => vm.ValidGeneration = (byte)(vm.ValidGeneration ^ 1);

    /// <summary>Zaps the pages of an older generation.</summary>
    /// <remarks>KVM: kvm_zap_obsolete_pages().</remarks>
    public void ZapObsolete()
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmZapObsoletePages);
        var invalid = default(ZapList);
        for (var page = active.Oldest; page is not null && vm.IsObsolete(page);)
        {
            var newer = page.LinkPrevious;
            var unstable = zapper.PrepareZapPage(page, ref invalid, out _);
            page = unstable ? active.Oldest : newer;
        }

        zapper.CommitZapPage(ref invalid);
    }

    /// <summary>Zaps the pages that shadow guest tables of a memslot, and flushes if anything calls for it.</summary>
    /// <remarks>KVM: kvm_mmu_zap_memslot_pages_and_flush().</remarks>
    public void ZapShadowsOf(Memslot slot, bool flush)
    {
        var invalid = default(ZapList);
        for (var gfn = slot.BaseGfn; hash.IndirectCount > 0 && gfn < slot.EndGfn; gfn++)
        {
            for (ShadowPage? page = hash.Bucket(gfn), next; page is not null; page = next)
            {
                next = page.HashNext;
                if (page.Gfn == gfn && page.HasGptes && !vm.IsObsolete(page))
                    zapper.PrepareZapPage(page, ref invalid);
            }
        }

        zapper.RemoteFlushOrZap(ref invalid, flush);
    }

    /// <summary>Zaps every page, the newest first.</summary>
    /// <remarks>KVM: kvm_mmu_zap_all(), the shadow MMU code's part of it.</remarks>
    public virtual void ZapAll()
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapAll);
        var invalid = default(ZapList);
        for (var page = active.Newest; page is not null;)
        {
            var older = page.LinkNext;
            var unstable = zapper.PrepareZapPage(page, ref invalid, out _);
            page = unstable ? active.Newest : older;
        }

        zapper.CommitZapPage(ref invalid);
    }

    /// <remarks>KVM: kvm_mmu_zap_oldest_mmu_pages().</remarks>
    private void ZapOldest(long count)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapOldestMmuPages);
        var invalid = default(ZapList);
        var total = 0L;
        for (var page = active.Oldest; page is not null;)
        {
            var newer = page.LinkPrevious;
            if (page.RootCount > 0)
            {
                page = newer;
                continue;
            }

            var unstable = zapper.PrepareZapPage(page, ref invalid, out var zapped);
            total += zapped;
            if (total >= count)
                break;
            page = unstable ? active.Oldest : newer;
        }

        zapper.CommitZapPage(ref invalid);
        vm.Stats.MmuRecycled += total;
    }
}
