using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Makes the root for the guest's CR3.</summary>
/// <remarks>KVM: mmu_alloc_shadow_roots().</remarks>
internal sealed class ShadowRoots(KvmVm vm, MmuRoots roots, DummyRoot dummy, Recycler recycler)
{
    /// <summary>There has been one: gfns have reverse maps and write trackers from then on, also with the TDP MMU.</summary>
    /// <remarks>KVM: shadow_root_allocated, mmu_first_shadow_root_alloc().</remarks>
    public bool HasAllocated { get; set; }

    /// <returns>False: CR3 or a PDPTE points where no memory is, and the guest shuts down.</returns>
    public bool Allocate(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuAllocShadowRoots);
        var context = vcpu.Mmu;
        var pgd = vcpu.PgdOf(context);
        var rootGfn = (pgd & Spte.BaseAddressMask) >> 12;
        if (vm.Kernel.UsesDummyRoot && !IsVisible(rootGfn))
        {
            context.Root = context.Root with { Table = dummy.Take(context.RootRole.Level) };
            return true;
        }

        var pdptes = (stackalloc ulong[4]);
        var areVisible = IsVisible(rootGfn) && (context.CpuRole.Base.Level != PgLevel.RootPae || TryReadPdptes(vcpu, pdptes));
        if (!vm.Kernel.UsesDummyRoot && !areVisible)
            return false;
        HasAllocated = true;
        if (!recycler.MakePagesAvailable())
            Invariant.Broken("no shadow page can be made available for a root");
        TablePage table = context.CpuRole.Base.Level >= PgLevel.Root4
            ? roots.Allocate(vcpu, rootGfn, 0, context.RootRole.Level)
            : AllocatePae(vcpu, rootGfn, pdptes);
        context.Root = new MmuRoot(table, pgd);
        return true;
    }

    private bool IsVisible(ulong gfn) => vm.Memslots.Find(gfn) is { IsInvalid: false, IsPrivate: false };

    /// <returns>False: one of them points where no memory is. Where KVM bears that, the others are read all the same.</returns>
    private bool TryReadPdptes(KvmVcpu vcpu, Span<ulong> pdptes)
    {
        var areVisible = true;
        for (var i = 0; i < pdptes.Length && (areVisible || vm.Kernel.UsesDummyRoot); i++)
        {
            pdptes[i] = vcpu.PdpteOf(vcpu.Mmu, i);
            areVisible &= (pdptes[i] & PteBits.Present) == 0 || IsVisible((pdptes[i] & Spte.BaseAddressMask) >> 12);
        }

        return areVisible;
    }

    /// <summary>Four PDPTEs: one to each of the guest's, or one to each quarter of its one page directory.</summary>
    private TablePage AllocatePae(KvmVcpu vcpu, ulong rootGfn, ReadOnlySpan<ulong> pdptes)
    {
        var context = vcpu.Mmu;
        var paeRoot = context.PaeRoot!;
        var isPae = context.CpuRole.Base.Level == PgLevel.RootPae;
        var bits = PteBits.Present;
        TablePage root = paeRoot;
        if (context.RootRole.Level >= PgLevel.Root4)
        {
            bits |= PteBits.Accessed | PteBits.Writable | PteBits.User;
            root = LinkAbove(context, bits);
        }

        for (var i = 0; i < 4; i++)
        {
            if (isPae)
            {
                // A bit above the frame, which no KVM loads, is what walks of the guest's tables pass over, too.
                var gfn = (pdptes[i] & Spte.BaseAddressMask) >> 12;
                if ((pdptes[i] & PteBits.Present) == 0 || !IsVisible(gfn))
                    continue;
                rootGfn = gfn;
            }

            var page = roots.Allocate(vcpu, rootGfn, isPae ? 0 : i, PgLevel.Root32);
            vm.Writer.Write(paeRoot, i, new Spte(page.Pfn << 12 | bits), rootGfn);
        }

        return root;
    }

    /// <summary>The CPU walks more levels than the tables shadowed have.</summary>
    private TablePage LinkAbove(KvmMmu context, ulong bits)
    {
        vm.Writer.Write(context.Pml4Root!, 0, new Spte(context.PaeRoot!.Pfn << 12 | bits), 0);
        if (context.RootRole.Level < PgLevel.Root5)
            return context.Pml4Root!;
        vm.Writer.Write(context.Pml5Root!, 0, new Spte(context.Pml4Root!.Pfn << 12 | bits), 0);
        return context.Pml5Root!;
    }
}
