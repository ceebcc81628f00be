using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Maps guest-physical addresses: builds what is missing of the path, sets the leaf, and maps neighbours.</summary>
internal sealed class EarlyDirectMapper(
    KvmVm vm, ShadowPages pages, ParentPtes parents, SpteStore sptes, Rmap rmap, LeafMapper leaves, FaultPhases phases)
{
    private const ulong EptMemtypeWriteBack = 6UL << 3;
    private const ulong EptIgnorePat = 1UL << 6;

    private readonly SpteFormat _format = vm.Format;
    private readonly ulong[] _prefetchedPfns = new ulong[DirectPrefetch.Count];

    /// <remarks>KVM: __direct_map().</remarks>
    public RetPf Map(KvmVcpu vcpu, PageFault fault)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectMap);
        for (var walk = ShadowWalk.From(vcpu, fault.Gfn << 12); walk.IsOkay; walk.Next())
        {
            if (walk.Level == fault.GoalLevel)
            {
                var outcome = SetSpte(fault, walk.Entry);
                PrefetchAround(walk.Entry);
                return outcome;
            }

            if (!walk.Entry.IsPresent)
                Link(vcpu, walk.Entry, PageLevels.RoundDown(fault.Gfn, walk.Level));
        }

        // A huge page in the way of a small one ends the walk, and nothing is mapped: KVM lets the guest fault again, for ever.
        vm.Journal.Note(ModelNote.EventNotModelled, fault.Address, fault.Gfn, 0);
        return RetPf.Emulate;
    }

    /// <summary>A page below the entry: found by its gfn, or made. It knows its parent before the entry points at it.</summary>
    /// <remarks>KVM: kvm_mmu_get_page(), mmu_page_add_parent_pte(), and the mmu_spte_set() that __direct_map() makes itself.</remarks>
    private void Link(KvmVcpu vcpu, Sptep entry, ulong gfn)
    {
        var role = vcpu.Mmu.RootRole.WithLevel(entry.Level - 1);
        var child = pages.Get(vcpu, gfn, role);
        parents.Add(child, entry);
        sptes.Set(entry, _format.MakeNonleaf(child.Pfn, adDisabled: false), child.Gfn);
    }

    /// <remarks>KVM: mmu_set_spte() of a fault.</remarks>
    private RetPf SetSpte(PageFault fault, Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuSetSpte);
        if (fault.PfnKind == HostPfnKind.NoSlot)
        {
            MakeRoom(entry, null, out _);
            vm.Stats.PfMmioSpteCreated++;
            leaves.MarkMmio(entry, fault.Gfn, PteAccess.All);
            return RetPf.Emulate;
        }

        fault.MappedLevel = entry.Level;
        Store(fault.Slot!, entry, fault.Pfn, fault.MapWritable, prefetch: false);
        return RetPf.Fixed;
    }

    /// <remarks>KVM: mmu_set_spte(), set_spte(), rmap_add().</remarks>
    private void Store(Memslot slot, Sptep entry, ulong pfn, bool hostWritable, bool prefetch)
    {
        MakeRoom(entry, pfn, out var wasRmapped);
        var gfn = entry.Gfn;
        var old = entry.Value;
        if (hostWritable)
            slot.MarkDirty(gfn);
        sptes.UpdateNoTrack(entry, Make(entry.Level, pfn, hostWritable, prefetch), gfn, Tracepoint.None);
        if (entry.Page.IsPresent(old) && old.IsWritable && !hostWritable)
            vm.Tlb.FlushRemote();
        entry.Page.MarkSlot(slot.Id);
        if (!wasRmapped)
            rmap.Add(slot, entry, gfn, PteAccess.All);
    }

    /// <summary>Takes away what is in the entry, unless it maps the same frame, and flushes.</summary>
    private void MakeRoom(Sptep entry, ulong? pfn, out bool wasRmapped)
    {
        wasRmapped = false;
        if (!entry.IsPresent)
            return;
        var old = entry.Value;
        if (entry.Level > PgLevel.Size4K && !old.IsLarge)
            parents.Drop(vm.Pages.ChildOf(old), entry);
        else if (old.Pfn != pfn)
            rmap.DropSpte(entry);
        else
            wasRmapped = true;
        if (!wasRmapped)
            vm.Tlb.FlushRemote();
    }

    /// <remarks>KVM: set_spte(), vmx_get_mt_mask().</remarks>
    private Spte Make(int level, ulong pfn, bool hostWritable, bool prefetch)
    {
        var spte = new Spte(_format.PresentMask | _format.ExecMask | pfn << 12);
        if (!prefetch)
            spte = spte.With(_format.AccessedMask);
        if (level > PgLevel.Size4K)
            spte = spte.With(Spte.PageSizeMask);
        if (vm.Kernel.TakesZeroPageForMemory || pfn != HostMemory.ZeroPagePfn)
            spte = spte.With(EptMemtypeWriteBack | EptIgnorePat);
        return hostWritable
            ? spte.With(_format.HostWritableMask | _format.MmuWritableMask | Spte.WritableMask | (vm.Kernel.SetsDirtyBits ? _format.DirtyMask : 0))
            : spte;
    }

    /// <summary>Maps the neighbours in an aligned group of eight, run by run, but for a run that goes on to the group's end: that is never come to.</summary>
    /// <remarks>KVM: direct_pte_prefetch(), __direct_pte_prefetch().</remarks>
    private void PrefetchAround(Sptep entry)
    {
        // Without accessed bits a prefetched page could not be told from a used one.
        if (!_format.AdEnabled || entry.Level > PgLevel.Size4K)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetch);
        var first = entry.Index & ~(DirectPrefetch.Count - 1);
        var start = -1;
        for (var index = first; index < first + DirectPrefetch.Count; index++)
        {
            if (!entry.Page.IsPresent(entry.Page[index]) && index != entry.Index)
            {
                start = start < 0 ? index : start;
                continue;
            }

            if (start >= 0 && !PrefetchMany(entry.Page, start, index))
                return;
            start = -1;
        }

        if (start >= 0 && vm.Kernel.PrefetchesToTheEnd)
            PrefetchMany(entry.Page, start, first + DirectPrefetch.Count);
    }

    /// <returns>False: not worth going on.</returns>
    /// <remarks>KVM: direct_pte_prefetch_many().</remarks>
    private bool PrefetchMany(ShadowPage page, int start, int end)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DirectPtePrefetchMany);
        var gfn = page.GfnAt(start);
        var slot = phases.SlotForPrefetch(gfn, noDirtyLog: true);
        if (slot is null)
            return false;
        var pfns = _prefetchedPfns.AsSpan(0, end - start);
        var count = vm.HostMemory.GfnToPagesAtomic(slot, gfn, pfns);
        for (var i = 0; i < count; i++)
        {
            using var set = vm.Journal.Enter(KvmFunction.MmuSetSpte);
            Store(slot, new Sptep(page, start + i), pfns[i], hostWritable: true, prefetch: true);
        }

        return count > 0;
    }
}
