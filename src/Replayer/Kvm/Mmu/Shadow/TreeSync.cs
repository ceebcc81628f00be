using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Finds the unsync pages of a tree and has them synced.</summary>
internal sealed class TreeSync(KvmVm vm, ShadowMmu mmu)
{
    /// <summary>The shadow pages of the vCPU's roots are in step with the guest's tables afterwards.</summary>
    /// <remarks>KVM: kvm_mmu_sync_roots().</remarks>
    public void SyncRoots(KvmVcpu vcpu)
    {
        var context = vcpu.Mmu;
        if (context.RootRole.Direct || context.Root.Table is not { } table)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSyncRoots);
        vcpu.Mmio.ClearAny();
        if (table is ShadowPage root)
        {
            SyncChildren(vcpu, root);
            return;
        }

        if (table == mmu.DummyRoot)
            return;
        var paeRoot = context.PaeRoot!;
        for (var i = 0; i < 4; i++)
        {
            if (paeRoot[i].Raw != 0)
                SyncChildren(vcpu, vm.Pages.ChildOf(paeRoot[i]));
        }
    }

    /// <summary>Previous roots with unsync pages are simply dropped.</summary>
    /// <remarks>KVM: kvm_mmu_sync_prev_roots().</remarks>
    public void SyncPreviousRoots(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSyncPrevRoots);
        var set = MmuRootSet.None;
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            if (vcpu.Mmu.PreviousRoots[i].ShadowPage is { } page && (page.Unsync || page.UnsyncChildren > 0))
                set |= MmuRoots.Previous(i);
        }

        mmu.Roots.Free(vcpu.Mmu, set);
    }

    /// <summary>Syncs every unsync page below a page. They are write-protected first: what the guest writes from then on is seen.</summary>
    /// <remarks>KVM: mmu_sync_children().</remarks>
    public void SyncChildren(KvmVcpu vcpu, ShadowPage parent)
    {
        if (parent.UnsyncChildren == 0)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.MmuSyncChildren);
        var invalid = default(ZapList);
        var flush = false;
        var walk = mmu.UnsyncWalks.Rent();
        while (walk.Collect(parent))
        {
            if (WriteProtect(walk))
            {
                mmu.Zapper.RemoteFlushOrZap(ref invalid, remoteFlush: true);
                flush = false;
            }

            for (var more = walk.First(); more; more = walk.Next())
            {
                mmu.UnsyncPages.Unlink(walk.Page);
                flush |= SyncPage(vcpu, walk.Page, ref invalid) > 0;
                walk.ClearParents();
            }
        }

        mmu.UnsyncWalks.Return(walk);
        Invariant.Holds(parent.UnsyncChildren == 0, $"page {parent.Id} was synced and still has {parent.UnsyncChildren} unsync children");
        mmu.Zapper.RemoteFlushOrZap(ref invalid, flush);
    }

    /// <summary>Syncs one page, or zaps it where that cannot be done.</summary>
    /// <returns>As <see cref="IGuestPaging.SyncPage"/>.</returns>
    /// <remarks>KVM: kvm_sync_page().</remarks>
    public int SyncPage(KvmVcpu vcpu, ShadowPage page, ref ZapList invalid)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmSyncPage);
        var synced = mmu.PagingOf(vcpu)?.SyncPage(vcpu, page) ?? -1;
        if (synced < 0)
            mmu.Zapper.PrepareZapPage(page, ref invalid);
        return synced;
    }

    private bool WriteProtect(UnsyncWalk walk)
    {
        var isProtected = false;
        for (var more = walk.First(); more; more = walk.Next())
        {
            if (vm.Memslots.Find(walk.Page.Gfn) is { } slot)
                isProtected |= vm.Backends.WriteProtectGfn(slot, walk.Page.Gfn, PgLevel.Size4K);
        }

        return isProtected;
    }
}
