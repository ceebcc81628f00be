using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>The root pages of the TDP MMU: one for each role, shared by all vCPUs, kept until a memslot goes or the VM ends.</summary>
/// <remarks>KVM: tdp_mmu_roots, tdp_mmu_root_count.</remarks>
internal sealed class TdpRoots(KvmVm vm, TdpEntries entries)
{
    private readonly List<ShadowPage> _roots = [];

    /// <summary>All roots, the newest first, also those that are marked invalid.</summary>
    public ShadowPage[] All() => [.. _roots];

    /// <summary>The roots that are not marked invalid, the newest first.</summary>
    public ShadowPage[] Valid() => [.. _roots.Where(root => !root.Role.Invalid)];

    /// <summary>A root of the role, an old one if there is one, with a reference for the vCPU that asks.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_get_vcpu_root_hpa().</remarks>
    public ShadowPage GetForVcpu(PageRole role)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuGetVcpuRootHpa);
        foreach (var root in _roots)
        {
            if (root.Role != role)
                continue;
            root.RootCount++;
            return root;
        }

        return Create(role);
    }

    /// <summary>Gives a reference back; the last one frees the page.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_put_root().</remarks>
    public void Put(ShadowPage root)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuPutRoot);
        if (--root.RootCount > 0)
            return;
        Invariant.Holds(root.Role.Invalid, $"the last reference to the valid root {root.Id} was given back");
        _roots.Remove(root);
        vm.Pages.Free(root);
    }

    /// <summary>No vCPU may take one of the present roots any more; they are zapped by <see cref="ZapInvalidated"/>.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_invalidate_all_roots().</remarks>
    public void InvalidateAll()
    {
        foreach (var root in _roots)
        {
            if (root.Role.Invalid)
                continue;
            root.ScheduledRootToZap = true;
            root.Role = root.Role.WithInvalid(true);
        }
    }

    /// <summary>Zaps the roots that were invalidated and gives the TDP MMU's own reference to each back.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_zap_invalidated_roots().</remarks>
    public void ZapInvalidated()
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuZapInvalidatedRoots);
        foreach (var root in All())
        {
            if (!root.ScheduledRootToZap)
                continue;
            root.ScheduledRootToZap = false;
            Zap(root, shared: true);
            Put(root);
        }
    }

    /// <summary>Empties every tree: the VM ends.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_zap_all().</remarks>
    public void ZapAll()
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuZapAll);
        foreach (var root in All())
            Zap(root, shared: false);
    }

    /// <summary>Small pieces go first, one by one, so that no step takes long; then what the root itself holds.</summary>
    /// <remarks>KVM: tdp_mmu_zap_root().</remarks>
    private void Zap(ShadowPage root, bool shared)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuZapRoot);
        foreach (var level in vm.Kernel.RootZapLevels)
            ZapDownTo(root, level, shared);
        ZapDownTo(root, root.Role.Level, shared);
    }

    private void ZapDownTo(ShadowPage root, int zapLevel, bool shared)
    {
        var end = vm.MaxGfn + 1;
        for (var at = new TdpIterator(vm.Pages, root, zapLevel, 0); at.IsBefore(end); at.Next())
        {
            if (!at.Old.IsShadowPresent || at.Level > zapLevel)
                continue;
            if (shared)
                entries.SetAtomic(at.Entry, at.Page.Empty, at.Gfn);
            else
                entries.Set(at.Entry, at.Page.Empty, at.Gfn);
        }
    }

    private ShadowPage Create(PageRole role)
    {
        var root = TdpPages.Create(vm, parent: null, gfn: 0, role);
        // One reference for the vCPU, one for the TDP MMU itself until the root is invalidated.
        root.RootCount = 2;
        _roots.Insert(0, root);
        return root;
    }
}
