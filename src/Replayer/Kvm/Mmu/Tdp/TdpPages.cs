using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>Makes table pages of the TDP MMU.</summary>
internal static class TdpPages
{
    /// <summary>A zeroed table, not linked yet.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="parent">The entry that will point at it; null for a root.</param>
    /// <param name="gfn">First gfn it translates.</param>
    /// <param name="role">Its role.</param>
    /// <remarks>KVM: tdp_mmu_alloc_sp(), tdp_mmu_init_sp().</remarks>
    public static ShadowPage Create(KvmVm vm, Sptep? parent, ulong gfn, PageRole role)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuInitSp);
        // The TDP MMU has no generations: KVM leaves mmu_valid_gen of its pages at 0.
        var page = vm.Pages.Allocate(gfn, role, validGeneration: 0, isTdp: true);
        page.ParentEntry = parent;
        vm.Journal.TablePage(page.Describe(PageOperation.Create));
        return page;
    }

    /// <summary>The table that will take the place of the entry.</summary>
    /// <remarks>KVM: tdp_mmu_init_child_sp().</remarks>
    public static ShadowPage CreateChild(KvmVm vm, Sptep entry, ulong gfn)
    {
        var role = entry.Page.Role;
        return Create(vm, entry, gfn, role.WithLevel(role.Level - 1));
    }
}
