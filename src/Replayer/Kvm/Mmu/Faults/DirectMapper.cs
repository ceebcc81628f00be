using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Maps guest-physical addresses through the shadow MMU code: EPT and NPT without the TDP MMU, and guests that have paging off.</summary>
internal sealed class DirectMapper(KvmVm vm, ShadowPages pages, ShadowLinks links, LeafMapper leaves, DirectPrefetch prefetch)
{
    /// <summary>Builds what is missing of the path to the fault's page and maps it.</summary>
    /// <param name="vcpu">The vCPU that faulted.</param>
    /// <param name="tablesDownTo">Where it is not 0: no entry is set, and the lowest table is of this level.</param>
    /// <remarks>KVM: direct_map().</remarks>
    public RetPf Map(KvmVcpu vcpu, int tablesDownTo = 0)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectMap);
        var fault = vcpu.Fault;
        vm.HugePages.Adjust(fault);
        if (tablesDownTo > 0)
            fault.GoalLevel = tablesDownTo;
        var walk = vm.WalkCache.Begin(vcpu, fault, KvmFunction.KvmMmuGetChildSp, out var root);
        for (; walk.IsOkay; walk.Next())
        {
            // An existing table stays where a huge page must not be executable.
            if (fault.NxHugePageWorkaround)
                vm.HugePages.DisallowedAdjust(fault, walk.Value, walk.Level);
            if (walk.Level == fault.GoalLevel)
                break;
            if (tablesDownTo > 0 && walk.Page.IsPresent(walk.Value) && walk.Value.IsLast(walk.Level))
                return RetPf.Fixed;
            var child = pages.GetChild(vcpu, walk.Entry, PageLevels.RoundDown(fault.Gfn, walk.Level), direct: true, PteAccess.All);
            if (child is null)
                continue;
            links.Link(walk.Entry, child);
            if (fault.IsTdp || vm.Kernel.TagsNxSplits)
                vm.NxHugePages.Account(child, fault, walk.Level);
        }

        Invariant.Holds(walk.Level == fault.GoalLevel, $"the walk to gfn {fault.Gfn:x} ended at level {walk.Level}, not {fault.GoalLevel}");
        if (root is not null && walk.Level == PgLevel.Size4K)
            vm.WalkCache.Fill(root, fault.Gfn, walk.Page);
        if (tablesDownTo > 0)
            return RetPf.Fixed;
        var outcome = leaves.Map(fault, walk.Entry, PteAccess.All, PageLevels.RoundDown(fault.Gfn, walk.Level));
        if (outcome != RetPf.Spurious)
            prefetch.Around(walk.Entry);
        return outcome;
    }
}
