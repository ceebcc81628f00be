using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Maps neighbours of a direct entry that nobody has asked for yet.</summary>
internal sealed class DirectPrefetch(KvmVm vm, FaultPhases phases, LeafMapper leaves)
{
    /// <summary>PTE_PREFETCH_NUM.</summary>
    internal const int Count = 8;

    private readonly ulong[] _pfns = new ulong[Count];

    /// <summary>Maps the neighbours of what a fault has mapped.</summary>
    /// <remarks>KVM: direct_pte_prefetch().</remarks>
    public void Around(Sptep entry)
    {
        // Without accessed bits a prefetched page could not be told from a used one.
        if (!entry.Page.Role.AdDisabled && entry.Level == PgLevel.Size4K && vm.Invalidation.InProgress == 0)
            Run(entry);
    }

    /// <summary>Maps the neighbours of an entry as well, as far as the host has their frames at hand.</summary>
    /// <remarks>KVM: __direct_pte_prefetch().</remarks>
    public void Run(Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetch);
        var first = entry.Index & ~(Count - 1);
        var start = -1;
        for (var index = first; index < first + Count; index++)
        {
            if (!entry.Page[index].IsShadowPresent && index != entry.Index)
            {
                start = start < 0 ? index : start;
                continue;
            }

            if (start >= 0 && !RunMany(entry.Page, start, index))
                return;
            start = -1;
        }

        if (start >= 0)
            RunMany(entry.Page, start, first + Count);
    }

    /// <returns>False: not worth going on.</returns>
    /// <remarks>KVM: direct_pte_prefetch_many().</remarks>
    private bool RunMany(ShadowPage page, int start, int end)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetchMany);
        var access = page.Role.Access;
        var gfn = page.GfnAt(start);
        var slot = phases.SlotForPrefetch(gfn, noDirtyLog: (access & PteAccess.Write) != 0);
        if (slot is null)
            return false;
        var pfns = _pfns.AsSpan(0, end - start);
        var count = vm.HostMemory.GfnToPagesAtomic(slot, gfn, pfns);
        for (var i = 0; i < count; i++)
            leaves.Prefetch(slot, new Sptep(page, start + i), access, gfn + (ulong)i, pfns[i]);
        return count > 0;
    }
}
