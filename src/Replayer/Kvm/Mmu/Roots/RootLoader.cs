using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Gives a vCPU that has none a root, and loads it into the CPU.</summary>
internal sealed class RootLoader(KvmVm vm, MmuRoots roots, ShadowRoots shadowRoots, TreeSync sync, Recycler recycler)
{
    /// <summary>Makes and loads a root.</summary>
    /// <returns>False: there can be none, the guest shuts down.</returns>
    /// <remarks>KVM: kvm_mmu_load().</remarks>
    public bool Load(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuLoad);
        AllocateSpecial(vcpu.Mmu);
        if (vcpu.Mmu.RootRole.Direct)
            AllocateDirect(vcpu);
        else if (!shadowRoots.Allocate(vcpu))
            return false;
        sync.SyncRoots(vcpu);
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
        var root = new HardwareRoot(table, level, EptpOrCr3.Of(vcpu, table, level));
        if (root != vcpu.LoadedRoot)
            vcpu.Tlb.Void();
        vcpu.LoadedRoot = root;
        vm.Journal.Root(RootOperation.Load, table.Id, root.Register);
    }

    /// <remarks>KVM: mmu_alloc_direct_roots().</remarks>
    private void AllocateDirect(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuAllocDirectRoots);
        if (!(vm.TdpMmuEnabled && vm.Kernel.TdpMmuRootsApart) && !recycler.MakePagesAvailable())
            Invariant.Broken("no shadow page can be made available for a root");
        var role = vcpu.Mmu.RootRole;
        TablePage table;
        if (vm.TdpMmuEnabled)
        {
            var root = vm.TdpMmu.GetVcpuRoot(role);
            roots.Allocated(vcpu, root);
            table = root;
        }
        else if (role.Level >= PgLevel.Root4)
            table = roots.Allocate(vcpu, 0, 0, role.Level);
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
            var page = roots.Allocate(vcpu, gfn, 0, PgLevel.Root32);
            vm.Writer.Write(paeRoot, i, new Spte(page.Pfn << 12 | 1), gfn);
        }

        return paeRoot;
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
}
