using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Builds the shadow of one guest translation, from the root to the leaf.</summary>
/// <remarks>KVM: FNAME(fetch)().</remarks>
internal sealed class ShadowFetch<TPtes>(
    KvmVm vm, DummyRoot dummy, ShadowPages pages, ShadowLinks links, ParentPtes parents, LeafMapper leaves, TreeSync sync, GptePrefetch<TPtes> prefetch)
    where TPtes : struct, IGuestPtes
{
    public RetPf Fetch(KvmVcpu vcpu, GuestWalk guest)
    {
        using var scope = vm.Journal.Enter(TPtes.FetchFunction);
        var fault = vcpu.Fault;
        // The root is write-protected or no root any more; only the walk itself can have changed it, where a table maps itself.
        if (!prefetch.IsUnchanged(guest, guest.MaxLevel))
            return RetPf.Retry;
        if (dummy.Is(vcpu.Mmu.Root.Table))
        {
            vcpu.Requests |= VcpuRequests.MmuFreeObsoleteRoots;
            return RetPf.Retry;
        }

        var walk = ShadowWalk.From(vcpu, fault.Address);
        if (!ShadowGuestLevels(vcpu, guest, ref walk))
            return RetPf.Retry;
        vm.HugePages.Adjust(fault);
        SplitGuestPage(vcpu, guest, ref walk);
        Invariant.Holds(walk.Level == fault.GoalLevel, $"the walk to gva {fault.Address:x} ended at level {walk.Level}, not {fault.GoalLevel}");
        var outcome = leaves.Map(fault, walk.Entry, guest.PteAccess, PageLevels.RoundDown(fault.Gfn, walk.Level));
        if (outcome != RetPf.Spurious)
            prefetch.Around(vcpu, guest, walk.Entry);
        return outcome;
    }

    /// <summary>One shadow page to each guest table above the leaf.</summary>
    /// <returns>False: a guest table changed meanwhile.</returns>
    private bool ShadowGuestLevels(KvmVcpu vcpu, GuestWalk guest, ref ShadowWalk walk)
    {
        for (; walk.IsOkay && walk.Level > guest.Level; walk.Next())
        {
            walk.Page.WriteFloodingCount = 0;
            var below = walk.Level - 1;
            var child = pages.GetChild(vcpu, walk.Entry, guest.TableGfns[below], direct: false, guest.PtAccess[below]);
            if (child is { UnsyncChildren: > 0 })
                sync.SyncChildren(vcpu, child);
            if (below == PgLevel.Size4K)
                prefetch.ReadAround(guest);
            if (!prefetch.IsUnchanged(guest, below))
                return false;
            if (child is not null)
                links.Link(walk.Entry, child);
            if (!vm.Kernel.SplitsSelfMaps && vcpu.Fault.Write && guest.TableGfns[below] == vcpu.Fault.Gfn)
                vcpu.Fault.WriteFaultToShadowPageTable = true;
        }

        return true;
    }

    /// <summary>A guest's huge page that the host has in smaller ones: direct pages below the guest's leaf.</summary>
    private void SplitGuestPage(KvmVcpu vcpu, GuestWalk guest, ref ShadowWalk walk)
    {
        var access = guest.PteAccess;
        var fault = vcpu.Fault;
        for (; walk.IsOkay; walk.Next())
        {
            if (walk.Level == guest.Level || vm.Kernel.ClearsFloodBelowGuestLeaf)
                walk.Page.WriteFloodingCount = 0;
            if (fault.NxHugePageWorkaround)
                vm.HugePages.DisallowedAdjust(fault, walk.Value, walk.Level);
            if (walk.Level == fault.GoalLevel)
                return;
            ValidateDirectSpte(walk.Entry, access);
            var child = pages.GetChild(vcpu, walk.Entry, PageLevels.RoundDown(fault.Gfn, walk.Level), direct: true, access);
            if (child is null)
                continue;
            links.Link(walk.Entry, child);
            vm.NxHugePages.Account(child, fault, walk.Level);
        }
    }

    /// <summary>A direct page has the rights of the guest's leaf in its role; when these change, another page is needed.</summary>
    /// <remarks>KVM: validate_direct_spte().</remarks>
    private void ValidateDirectSpte(Sptep entry, PteAccess access)
    {
        var spte = entry.Value;
        if (!spte.IsShadowPresent || spte.IsLarge)
            return;
        var child = vm.Pages.ChildOf(spte);
        if (child.Role.Access == access)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.ValidateDirectSpte);
        parents.Drop(child, entry);
        if (vm.Kernel.FlushesWhatTheEntryMaps)
            vm.Tlb.FlushRemoteSptep(entry);
        else
            vm.Tlb.FlushRemoteWithAddress(child.Gfn, 1);
    }
}
