using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Maps guest-physical addresses through the shadow MMU code: EPT and NPT without the TDP MMU, and guests that have paging off.</summary>
internal sealed class DirectMapper(KvmVm vm, ShadowMmu mmu)
{
    /// <summary>PTE_PREFETCH_NUM.</summary>
    internal const int PrefetchCount = 8;

    private readonly ulong[] _prefetchedPfns = new ulong[PrefetchCount];

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
        var walk = Start(vcpu, fault, out var root);
        for (; walk.IsOkay; walk.Next())
        {
            // An existing table stays where a huge page must not be executable.
            if (fault.NxHugePageWorkaround)
                vm.HugePages.DisallowedAdjust(fault, walk.Value, walk.Level);
            if (walk.Level == fault.GoalLevel)
                break;
            if (tablesDownTo > 0 && walk.Page.IsPresent(walk.Value) && walk.Value.IsLast(walk.Level))
                return RetPf.Fixed;
            var child = mmu.ShadowPages.GetChild(vcpu, walk.Entry, PageLevels.RoundDown(fault.Gfn, walk.Level), direct: true, PteAccess.All);
            if (child is null)
                continue;
            mmu.Links.Link(walk.Entry, child);
            if (fault.IsTdp || vm.Kernel.TagsNxSplits)
                vm.NxHugePages.Account(child, fault, walk.Level);
        }

        Invariant.Holds(walk.Level == fault.GoalLevel, $"the walk to gfn {fault.Gfn:x} ended at level {walk.Level}, not {fault.GoalLevel}");
        if (root is not null && walk.Level == PgLevel.Size4K)
            vm.PageTables.Fill(root, fault.Gfn, walk.Page);
        if (tablesDownTo > 0)
            return RetPf.Fixed;
        var outcome = mmu.LeafMapper.Map(fault, walk.Entry, PteAccess.All, PageLevels.RoundDown(fault.Gfn, walk.Level));
        if (outcome != RetPf.Spurious)
            PrefetchAround(walk.Entry);
        return outcome;
    }

    /// <summary>At the root; or, for a small page, where an earlier walk found its page table.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="fault">Its fault.</param>
    /// <param name="root">The root, if the page table that the walk comes to is worth remembering.</param>
    private ShadowWalk Start(KvmVcpu vcpu, PageFault fault, out ShadowPage? root)
    {
        root = vcpu.Mmu.Root.ShadowPage;
        if (fault.GoalLevel != PgLevel.Size4K || root is null || !vm.PageTables.TryFind(root, fault.Gfn, out var pageTable))
            return ShadowWalk.From(vcpu, fault.Address);
        root = null;
        // What would have been entered on the way down: chains are numbered in the order in which they come about.
        vm.Journal.Enter(KvmFunction.KvmMmuGetChildSp).Dispose();
        return ShadowWalk.AtPageTable(vcpu, pageTable, fault.Address);
    }

    /// <summary>Maps the neighbours of an entry as well, as far as the host has their frames at hand.</summary>
    /// <remarks>KVM: __direct_pte_prefetch().</remarks>
    public void Prefetch(Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetch);
        var first = entry.Index & ~(PrefetchCount - 1);
        var start = -1;
        for (var index = first; index < first + PrefetchCount; index++)
        {
            if (!entry.Page[index].IsShadowPresent && index != entry.Index)
            {
                start = start < 0 ? index : start;
                continue;
            }

            if (start >= 0 && !PrefetchMany(entry.Page, start, index))
                return;
            start = -1;
        }

        if (start >= 0)
            PrefetchMany(entry.Page, start, first + PrefetchCount);
    }

    /// <remarks>KVM: direct_pte_prefetch().</remarks>
    private void PrefetchAround(Sptep entry)
    {
        // Without accessed bits a prefetched page could not be told from a used one.
        if (!entry.Page.Role.AdDisabled && entry.Level == PgLevel.Size4K && vm.Invalidation.InProgress == 0)
            Prefetch(entry);
    }

    /// <returns>False: not worth going on.</returns>
    /// <remarks>KVM: direct_pte_prefetch_many().</remarks>
    private bool PrefetchMany(ShadowPage page, int start, int end)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetchMany);
        var access = page.Role.Access;
        var gfn = page.GfnAt(start);
        var slot = mmu.FaultPhases.SlotForPrefetch(gfn, noDirtyLog: (access & PteAccess.Write) != 0);
        if (slot is null)
            return false;
        var pfns = _prefetchedPfns.AsSpan(0, end - start);
        var count = vm.HostMemory.GfnToPagesAtomic(slot, gfn, pfns);
        for (var i = 0; i < count; i++)
            mmu.LeafMapper.Prefetch(slot, new Sptep(page, start + i), access, gfn + (ulong)i, pfns[i]);
        return count > 0;
    }
}
