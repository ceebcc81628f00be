using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Makes a vCPU's roots, loads them into the CPU, lets go of them.</summary>
internal sealed class MmuRoots(KvmVm vm, ShadowMmu mmu)
{
    /// <summary>The member of the set that stands for a previous root.</summary>
    public static MmuRootSet Previous(int index) => (MmuRootSet)(2 << index);

    /// <summary>Makes and loads a root.</summary>
    /// <returns>False: there can be none, the guest shuts down.</returns>
    /// <remarks>KVM: kvm_mmu_load().</remarks>
    public bool Load(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuLoad);
        AllocateSpecial(vcpu.Mmu);
        if (vcpu.Mmu.RootRole.Direct)
            AllocateDirect(vcpu);
        else if (!mmu.ShadowRoots.Allocate(vcpu))
            return false;
        mmu.Syncing.SyncRoots(vcpu);
        LoadPgd(vcpu);
        vcpu.Tlb.FlushCurrent();
        return true;
    }

    /// <summary>Tells the CPU where its tables begin.</summary>
    /// <remarks>KVM: kvm_mmu_load_pgd(), vmx_load_mmu_pgd(), svm_load_mmu_pgd().</remarks>
    public void LoadPgd(KvmVcpu vcpu)
    {
        if (vcpu.Mmu.Root.Table is not { } table)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuLoadPgd);
        var level = vcpu.Mmu.RootRole.Level;
        var root = new HardwareRoot(table, level, RootRegister.Of(vcpu, table, level));
        if (root != vcpu.LoadedRoot)
            vcpu.Tlb.Void();
        vcpu.LoadedRoot = root;
        vm.Journal.Root(RootOperation.Load, table.Id, root.Register);
    }

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
            else if (context.Root.Table != mmu.DummyRoot)
                FreePaeRoots(context, ref invalid);
            context.Root = default;
        }

        mmu.Zapper.CommitZapPage(ref invalid);
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
        var page = mmu.ShadowPages.Get(vcpu, gfn, vcpu.Mmu.RootRole.WithLevel(level).WithQuadrant(quadrant));
        page.RootCount++;
        Allocated(vcpu, page);
        return page;
    }

    /// <remarks>KVM: mmu_alloc_direct_roots().</remarks>
    private void AllocateDirect(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuAllocDirectRoots);
        if (!(vm.TdpMmuEnabled && vm.Kernel.TdpMmuRootsApart) && !mmu.Recycler.MakePagesAvailable())
            Invariant.Broken("no shadow page can be made available for a root");
        var role = vcpu.Mmu.RootRole;
        TablePage table;
        if (vm.TdpMmuEnabled)
        {
            var root = vm.TdpMmu.GetVcpuRoot(role);
            Allocated(vcpu, root);
            table = root;
        }
        else if (role.Level >= PgLevel.Root4)
            table = Allocate(vcpu, 0, 0, role.Level);
        else
            table = AllocateDirectPae(vcpu);
        vcpu.Mmu.Root = new MmuRoot(table, 0);
    }

    /// <summary>Guest paging is off and the tables have PAE form: four pages, one to each GiB.</summary>
    private TablePage AllocateDirectPae(KvmVcpu vcpu)
    {
        var paeRoot = vcpu.Mmu.PaeRoot!;
        for (var i = 0; i < 4; i++)
        {
            var gfn = (ulong)i << 18;
            var page = Allocate(vcpu, gfn, 0, PgLevel.Root32);
            vm.Writer.Write(paeRoot, i, new Spte(page.Pfn << 12 | 1), gfn);
        }

        return paeRoot;
    }

    /// <summary>Tables of PAE form have no one root page: each of the four is allocated as one.</summary>
    private void Allocated(KvmVcpu vcpu, ShadowPage page)
    {
        var value = !vcpu.Mmu.RootRole.Direct ? vcpu.PgdOf(vcpu.Mmu)
            : vcpu.Mmu.RootRole.Level >= PgLevel.Root4 ? RootRegister.Of(vcpu, page, page.Role.Level)
            : page.Gfn << 12;
        vm.Journal.Root(RootOperation.Allocate, page.Id, value);
    }

    /// <summary>The CPU walks four levels or five, the tables to be shadowed have two or three: what is above has no shadow page.</summary>
    /// <remarks>KVM: mmu_alloc_special_roots().</remarks>
    private void AllocateSpecial(KvmMmu context)
    {
        if (context.RootRole.Direct || context.CpuRole.Base.Level >= PgLevel.Root4 || context.RootRole.Level < PgLevel.Root4)
            return;
        context.PaeRoot ??= vm.Pages.AllocateSpecial(PgLevel.RootPae, GuestContext.NestedL2);
        context.Pml4Root ??= vm.Pages.AllocateSpecial(PgLevel.Root4, GuestContext.NestedL2);
        if (context.RootRole.Level == PgLevel.Root5)
            context.Pml5Root ??= vm.Pages.AllocateSpecial(PgLevel.Root5, GuestContext.NestedL2);
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
            mmu.Zapper.PrepareZapPage(page, ref invalid);
    }

    /// <remarks>KVM: is_obsolete_root().</remarks>
    private bool IsObsolete(MmuRoot root) => root.IsValid && (root.ShadowPage is not { } page || vm.IsObsolete(page));
}
