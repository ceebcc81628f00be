using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Makes the root for the guest's CR3.</summary>
/// <remarks>KVM: mmu_alloc_shadow_roots().</remarks>
internal sealed class ShadowRoots(KvmVm vm, ShadowMmu mmu)
{
    /// <returns>False: CR3 or a PDPTE points where no memory is, and the guest shuts down.</returns>
    public bool Allocate(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuAllocShadowRoots);
        var context = vcpu.Mmu;
        var pgd = vcpu.Registers.Cr3;
        var rootGfn = (pgd & Spte.BaseAddressMask) >> 12;
        if (vm.Kernel.UsesDummyRoot && !IsVisible(rootGfn))
        {
            context.Root = context.Root with { Table = mmu.TakeDummyRoot(context.RootRole.Level) };
            return true;
        }

        if (!vm.Kernel.UsesDummyRoot && (!IsVisible(rootGfn) || (context.CpuRole.Base.Level == PgLevel.RootPae && !ArePdptesVisible(vcpu))))
            return false;
        mmu.ShadowRootAllocated = true;
        if (!mmu.Recycler.MakePagesAvailable())
            Invariant.Broken("no shadow page can be made available for a root");
        TablePage table = context.CpuRole.Base.Level >= PgLevel.Root4
            ? mmu.Roots.Allocate(vcpu, rootGfn, 0, context.RootRole.Level)
            : AllocatePae(vcpu, rootGfn);
        context.Root = new MmuRoot(table, pgd);
        return true;
    }

    private bool IsVisible(ulong gfn) => vm.Memslots.Find(gfn) is { IsInvalid: false, IsPrivate: false };

    private bool ArePdptesVisible(KvmVcpu vcpu)
    {
        foreach (var pdpte in vcpu.Registers.Pdptes)
        {
            if ((pdpte & GuestPte.Present) != 0 && !IsVisible((pdpte & Spte.BaseAddressMask) >> 12))
                return false;
        }

        return true;
    }

    /// <summary>Four PDPTEs: one to each of the guest's, or one to each quarter of its one page directory.</summary>
    private TablePage AllocatePae(KvmVcpu vcpu, ulong rootGfn)
    {
        var paeRoot = vcpu.Mmu.PaeRoot!;
        var isPae = vcpu.Mmu.CpuRole.Base.Level == PgLevel.RootPae;
        for (var i = 0; i < 4; i++)
        {
            if (isPae)
            {
                var pdpte = vcpu.Registers.Pdptes[i];
                if ((pdpte & GuestPte.Present) == 0 || !IsVisible(pdpte >> 12))
                    continue;
                rootGfn = pdpte >> 12;
            }

            var page = mmu.Roots.Allocate(vcpu, rootGfn, isPae ? 0 : i, PgLevel.Root32);
            vm.Writer.Write(paeRoot, i, new Spte(page.Pfn << 12 | GuestPte.Present), rootGfn);
        }

        return paeRoot;
    }
}
