using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>Maps what the guest faulted on.</summary>
internal sealed class TdpFaults(KvmVm vm, SpteMaker maker, TdpEntries entries)
{
    /// <summary>Builds the tables down to the faulting page, and its entry.</summary>
    /// <param name="vcpu">The vCPU that faulted.</param>
    /// <param name="tablesDownTo">Where it is not 0: no entry is set, and the lowest table is of this level.</param>
    /// <remarks>KVM: kvm_tdp_mmu_map(). Nobody races, so that an entry found removed is our own mistake.</remarks>
    public RetPf Map(KvmVcpu vcpu, int tablesDownTo)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuMap);
        var fault = vcpu.Fault;
        vm.HugePages.Adjust(fault);
        if (tablesDownTo > 0)
            fault.GoalLevel = tablesDownTo;
        var root = vcpu.Mmu.Root.ShadowPage!;
        var isKnown = vm.WalkCache.TryFind(root, fault.Gfn, out var pageTable) && fault.GoalLevel == PgLevel.Size4K;
        var at = new TdpIterator(vm.Pages, isKnown ? pageTable! : root, PgLevel.Size4K, fault.Gfn);
        for (; at.IsBefore(fault.Gfn + 1); at.Next())
        {
            if (!isKnown && at.Level == PgLevel.Size4K)
                vm.WalkCache.Fill(root, fault.Gfn, at.Page);
            if (fault.NxHugePageWorkaround)
                vm.HugePages.DisallowedAdjust(fault, at.Old, at.Level);
            if (at.Level == fault.GoalLevel)
                return tablesDownTo > 0 ? RetPf.Fixed : MapTargetLevel(fault, at);
            var isHuge = at.Old.IsShadowPresent && at.Old.IsLarge;
            if (isHuge && tablesDownTo > 0)
                return RetPf.Fixed;
            if (isHuge && vm.Kernel.SplitsHugePagesOnFault)
            {
                SplitHugePage(fault, at);
                continue;
            }

            if (isHuge)
            {
                entries.ZapAtomic(at.Entry, at.Gfn);
                at.Reread();
            }

            if (!at.Old.IsShadowPresent)
                LinkNewTable(fault, at);
        }

        Invariant.Broken($"the walk to gfn {fault.Gfn:x} did not come to level {fault.GoalLevel}");
        return RetPf.Retry;
    }

    /// <summary>The last entry on the way to a gfn, present or not.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_fast_pf_get_last_sptep().</remarks>
    public Sptep GetLastSptep(ShadowPage root, ulong gfn)
    {
        var last = default(Sptep);
        for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, gfn); at.IsBefore(gfn + 1); at.Next())
            last = at.Entry;
        return last;
    }

    /// <summary>The entries on the way to a gfn, each stored at its level.</summary>
    /// <returns>The lowest level reached.</returns>
    /// <remarks>KVM: kvm_tdp_mmu_get_walk().</remarks>
    public int GetWalk(ShadowPage root, ulong gfn, Span<Spte> byLevel)
    {
        var leaf = -1;
        for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, gfn); at.IsBefore(gfn + 1); at.Next())
        {
            leaf = at.Level;
            byLevel[leaf] = at.Old;
        }

        return leaf;
    }

    private void LinkNewTable(PageFault fault, in TdpIterator at)
    {
        var page = TdpPages.CreateChild(vm, at.Entry, at.Gfn);
        Link(vm, entries, at, page, shared: true);
        vm.NxHugePages.Account(page, fault, at.Level);
    }

    /// <summary>All that the huge page mapped stays mapped, in small pages.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_map(), tdp_mmu_split_huge_page().</remarks>
    private void SplitHugePage(PageFault fault, in TdpIterator at)
    {
        var page = TdpPages.CreateChild(vm, at.Entry, at.Gfn);
        using (vm.Journal.Enter(KvmFunction.TdpMmuSplitHugePage))
            TdpDirtyLog.Split(vm, entries, at, page, shared: true);
        vm.NxHugePages.Account(page, fault, at.Level);
    }

    /// <summary>Makes the entry point at a table.</summary>
    /// <remarks>KVM: tdp_mmu_link_sp().</remarks>
    internal static void Link(KvmVm vm, TdpEntries entries, in TdpIterator at, ShadowPage page, bool shared)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuLinkSp);
        var spte = vm.Format.MakeNonleaf(page.Pfn, adDisabled: !vm.Format.AdEnabled);
        if (shared)
            entries.SetAtomic(at.Entry, spte, at.Gfn);
        else
            entries.Set(at.Entry, spte, at.Gfn);
    }

    /// <remarks>KVM: tdp_mmu_map_handle_target_level().</remarks>
    private RetPf MapTargetLevel(PageFault fault, in TdpIterator at)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuMapHandleTargetLevel);
        var page = at.Page;
        var writeProtected = false;
        Spte spte;
        if (fault.Slot is null)
            spte = vm.Format.MakeMmio(at.Gfn, PteAccess.All, vm.Memslots.Generation);
        else
        {
            writeProtected = maker.Make(
                page, fault.Slot, PteAccess.All, at.Gfn, fault.Pfn, at.Old, prefetch: false, canUnsync: true, fault.MapWritable, out spte);
        }

        var result = RetPf.Fixed;
        if (spte == at.Old)
            result = RetPf.Spurious;
        else
            Store(at, spte);
        if (writeProtected && fault.Write)
            result = vm.WriteProtectedOutcome;
        if (vm.Format.IsMmio(spte))
        {
            vm.Stats.PfMmioSpteCreated++;
            return RetPf.Emulate;
        }

        fault.MappedLevel = at.Level;
        return result;
    }

    private void Store(in TdpIterator at, Spte spte)
    {
        var replacesTable = at.Old.IsShadowPresent && !at.Old.IsLast(at.Level);
        var tracepoint = vm.Format.IsMmio(spte)
            ? Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio
            : Tracepoint.KvmTdpMmuSpteChangedAndSetSpte;
        entries.SetAtomic(at.Entry, spte, at.Gfn, tracepoint);
        if (!replacesTable)
            return;
        if (vm.Kernel.FlushesWhatTheEntryMaps)
            vm.Tlb.FlushRemoteWithAddress(at.Gfn, PageLevels.PagesPerHugePage(at.Level));
        else
            vm.Tlb.FlushRemoteWithAddress(at.Page.Gfn, PageLevels.PagesPerHugePage(at.Level + 1));
    }
}
