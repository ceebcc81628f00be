using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Finds the unsync pages of a tree and has them synced.</summary>
internal sealed class TreeSync(KvmVm vm, PageSync pages, UnsyncPages unsync, Zapper zapper, MmuRoots roots, DummyRoot dummy)
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

        if (dummy.Is(table))
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

        roots.Free(vcpu.Mmu, set);
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
        var walk = unsync.RentWalk();
        while (walk.Collect(parent))
        {
            if (WriteProtect(walk))
            {
                zapper.RemoteFlushOrZap(ref invalid, remoteFlush: true);
                flush = false;
            }

            for (var more = walk.First(); more; more = walk.Next())
            {
                unsync.Unlink(walk.Page);
                flush |= pages.SyncPage(vcpu, walk.Page, ref invalid) > 0;
                walk.ClearParents();
            }
        }

        unsync.Return(walk);
        Invariant.Holds(parent.UnsyncChildren == 0, $"page {parent.Id} was synced and still has {parent.UnsyncChildren} unsync children");
        zapper.RemoteFlushOrZap(ref invalid, flush);
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
