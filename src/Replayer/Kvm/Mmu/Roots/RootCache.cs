using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Switches between the current and the previous roots when the guest loads CR3, so that a tree need not be found again.</summary>
internal sealed class RootCache(KvmVm vm, MmuRoots roots)
{
    /// <summary>The guest loads another CR3: a root kept for it becomes current, or there is none and the next entry makes one.</summary>
    /// <remarks>KVM: kvm_mmu_new_pgd().</remarks>
    public void NewPgd(KvmVcpu vcpu, ulong pgd)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuNewPgd);
        var context = vcpu.Mmu;
        if (!FastSwitch(vcpu, pgd))
            return;
        vm.Journal.Root(RootOperation.FastSwitch, context.Root.Table!.Id, pgd);
        vcpu.Requests |= VcpuRequests.LoadMmuPgd;
        vcpu.Mmio.ClearAny();
        if (!context.RootRole.Direct)
            context.Root.ShadowPage!.WriteFloodingCount = 0;
    }

    /// <remarks>KVM: fast_pgd_switch().</remarks>
    private bool FastSwitch(KvmVcpu vcpu, ulong pgd)
    {
        using var scope = vm.Journal.Enter(KvmFunction.FastPgdSwitch);
        var context = vcpu.Mmu;
        // Special roots are not kept: their PDPTEs may have changed.
        if (context.Root is { IsValid: true, ShadowPage: null })
            roots.Free(context, MmuRootSet.Current);
        return context.Root.IsValid ? FindAndKeepCurrent(context, pgd) : FindWithoutCurrent(context, pgd);
    }

    /// <summary>The current root becomes the first of the previous ones; the last of them has to go where none fits.</summary>
    /// <remarks>KVM: cached_root_find_and_keep_current().</remarks>
    private bool FindAndKeepCurrent(KvmMmu context, ulong pgd)
    {
        if (IsUsable(context, context.Root, pgd))
            return true;
        vm.Journal.Root(RootOperation.Cache, context.Root.Table!.Id, context.Root.Pgd);
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            (context.Root, context.PreviousRoots[i]) = (context.PreviousRoots[i], context.Root);
            if (IsUsable(context, context.Root, pgd))
                return true;
        }

        roots.Free(context, MmuRootSet.Current);
        return false;
    }

    /// <remarks>KVM: cached_root_find_without_current().</remarks>
    private static bool FindWithoutCurrent(KvmMmu context, ulong pgd)
    {
        var previous = context.PreviousRoots;
        for (var i = 0; i < previous.Length; i++)
        {
            if (!IsUsable(context, previous[i], pgd))
                continue;
            (context.Root, previous[i]) = (previous[i], context.Root);
            previous[(i + 1)..].CopyTo(previous[i..]);
            // The last is void, and still names its CR3.
            previous[^1] = previous[^1] with { Table = null };
            return true;
        }

        return false;
    }

    /// <remarks>KVM: is_root_usable().</remarks>
    private static bool IsUsable(KvmMmu context, MmuRoot root, ulong pgd) =>
        (context.RootRole.Direct || root.Pgd == pgd) && root.ShadowPage is { } page && page.Role == context.RootRole;
}
