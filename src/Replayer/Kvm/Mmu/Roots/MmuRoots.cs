using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The pages that are roots: makes them and lets go of them.</summary>
internal sealed class MmuRoots(KvmVm vm, ShadowPages pages, Zapper zapper, DummyRoot dummy)
{
    /// <summary>The member of the set that stands for a previous root.</summary>
    public static MmuRootSet Previous(int index) => (MmuRootSet)(2 << index);

    /// <summary>Drops all of a vCPU's roots, those for a nested guest too.</summary>
    /// <remarks>KVM: kvm_mmu_unload().</remarks>
    public void Unload(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuUnload);
        Free(vcpu.RootMmu, MmuRootSet.All);
        Free(vcpu.GuestMmu, MmuRootSet.All);
        vcpu.Mmio.ClearAny();
    }

    /// <summary>Drops some of an MMU's roots. Pages that were zapped while they were roots are freed with the last reference.</summary>
    /// <remarks>KVM: kvm_mmu_free_roots().</remarks>
    public void Free(KvmMmu context, MmuRootSet set)
    {
        var current = (set & MmuRootSet.Current) != 0 && context.Root.IsValid;
        if (!current && !HasPrevious(context, set))
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuFreeRoots);
        var invalid = default(ZapList);
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            ref var previous = ref context.PreviousRoots[i];
            if ((set & Previous(i)) == 0 || !previous.IsValid)
                continue;
            FreePage(previous.ShadowPage!, ref invalid);
            previous = previous with { Table = null };
        }

        if (current)
        {
            if (context.Root.ShadowPage is { } root)
                FreePage(root, ref invalid);
            else if (!dummy.Is(context.Root.Table))
                FreePaeRoots(context, ref invalid);
            context.Root = default;
        }

        zapper.CommitZapPage(ref invalid);
    }

    /// <summary>Drops the roots that belong to an older generation.</summary>
    /// <remarks>KVM: kvm_mmu_free_obsolete_roots().</remarks>
    public void FreeObsolete(KvmVcpu vcpu)
    {
        FreeObsolete(vcpu.RootMmu);
        FreeObsolete(vcpu.GuestMmu);
    }

    /// <summary>A root page for the vCPU's role.</summary>
    /// <remarks>KVM: mmu_alloc_root().</remarks>
    public ShadowPage Allocate(KvmVcpu vcpu, ulong gfn, int quadrant, int level)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuAllocRoot);
        var page = pages.Get(vcpu, gfn, vcpu.Mmu.RootRole.WithLevel(level).WithQuadrant(quadrant));
        page.RootCount++;
        Allocated(vcpu, page);
        return page;
    }

    /// <summary>Tells of a root that was made. Tables of PAE form have no one root page: each of the four is allocated as one.</summary>
    public void Allocated(KvmVcpu vcpu, ShadowPage page)
    {
        var value = !vcpu.Mmu.RootRole.Direct ? vcpu.PgdOf(vcpu.Mmu)
            : vcpu.Mmu.RootRole.Level >= PgLevel.Root4 ? EptpOrCr3.Of(vcpu, page, page.Role.Level)
            : page.Gfn << 12;
        vm.Journal.Root(RootOperation.Allocate, page.Id, value);
    }

    private void FreeObsolete(KvmMmu context)
    {
        var set = IsObsolete(context.Root) ? MmuRootSet.Current : MmuRootSet.None;
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            if (IsObsolete(context.PreviousRoots[i]))
                set |= Previous(i);
        }

        Free(context, set);
    }

    private static bool HasPrevious(KvmMmu context, MmuRootSet set)
    {
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            if ((set & Previous(i)) != 0 && context.PreviousRoots[i].IsValid)
                return true;
        }

        return false;
    }

    private void FreePaeRoots(KvmMmu context, ref ZapList invalid)
    {
        var paeRoot = context.PaeRoot!;
        for (var i = 0; i < 4; i++)
        {
            var pdpte = paeRoot[i];
            if (pdpte.Raw == 0)
                continue;
            var page = vm.Pages.ChildOf(pdpte);
            FreePage(page, ref invalid);
            vm.Writer.Write(paeRoot, i, default, page.Gfn);
        }
    }

    /// <remarks>KVM: mmu_free_root_page().</remarks>
    private void FreePage(ShadowPage page, ref ZapList invalid)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuFreeRootPage);
        vm.Journal.Root(RootOperation.Free, page.Id, 0);
        if (page.IsTdp)
            vm.TdpMmu.PutRoot(page);
        else if (--page.RootCount == 0 && page.Role.Invalid)
            zapper.PrepareZapPage(page, ref invalid);
    }

    /// <remarks>KVM: is_obsolete_root().</remarks>
    private bool IsObsolete(MmuRoot root) => root.IsValid && (root.ShadowPage is not { } page || vm.IsObsolete(page));
}
