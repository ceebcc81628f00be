using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Shadows guest entries that nobody has used yet: the neighbours of a fault's, and those that INVLPG names.</summary>
/// <remarks>KVM: FNAME(pte_prefetch)(), FNAME(prefetch_gpte)(), FNAME(gpte_changed)().</remarks>
internal sealed class GptePrefetch<TPtes>(KvmVm vm, FaultPhases phases, LeafMapper leaves, Rmap rmap, DirectPrefetch direct)
    where TPtes : struct, IGuestPtes
{
    private const int Count = DirectPrefetch.Count;

    private readonly ulong[] _pfn = new ulong[1];

    /// <summary>Reads the eight aligned entries around the leaf.</summary>
    public void ReadAround(GuestWalk guest)
    {
        var first = guest.PteGpas[PgLevel.Size4K] & ~((ulong)(Count * TPtes.EntrySize) - 1);
        for (var i = 0; i < Count; i++)
            vm.GuestMemory.TryRead(first + (ulong)(i * TPtes.EntrySize), TPtes.EntrySize, out guest.PrefetchPtes[i]);
    }

    /// <summary>The entry is still what the walk saw.</summary>
    /// <remarks>KVM: FNAME(gpte_changed)().</remarks>
    public bool IsUnchanged(GuestWalk guest, int level) =>
        vm.GuestMemory.TryRead(guest.PteGpas[level], TPtes.EntrySize, out var gpte) && gpte == guest.Ptes[level];

    /// <summary>Shadows the neighbours of an entry, as far as the guest uses them.</summary>
    /// <remarks>KVM: FNAME(pte_prefetch)().</remarks>
    public void Around(KvmVcpu vcpu, GuestWalk guest, Sptep entry)
    {
        if (entry.Level > PgLevel.Size4K || vm.Invalidation.InProgress > 0)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.PtePrefetch);
        if (entry.Page.Role.Direct)
        {
            direct.Run(entry);
            return;
        }

        var first = entry.Index & ~(Count - 1);
        for (var i = 0; i < Count; i++)
        {
            var index = first + i;
            if (index == entry.Index || entry.Page[index].IsShadowPresent)
                continue;
            if (!Prefetch(vcpu, new Sptep(entry.Page, index), guest.PrefetchPtes[i], noDirtyLog: true))
                break;
        }
    }

    /// <summary>Shadows one guest entry.</summary>
    /// <returns>False: it cannot be; what was there is gone.</returns>
    /// <remarks>KVM: FNAME(prefetch_gpte)().</remarks>
    public bool Prefetch(KvmVcpu vcpu, Sptep entry, ulong gpte, bool noDirtyLog)
    {
        using var scope = vm.Journal.Enter(TPtes.PrefetchFunction);
        if (DropIfInvalid(vcpu, entry, gpte))
            return false;
        var gfn = TPtes.Gfn(gpte, PgLevel.Size4K);
        var access = AccessOf(entry.Page, gpte);
        var slot = phases.SlotForPrefetch(gfn, noDirtyLog && (access & PteAccess.Write) != 0);
        if (slot is null || vm.HostMemory.GfnToPagesAtomic(slot, gfn, _pfn) < 1)
            return false;
        leaves.Prefetch(slot, entry, access, gfn, _pfn[0]);
        return true;
    }

    /// <summary>Clears the shadow of a guest entry that is not present, was never used or has reserved bits set.</summary>
    /// <returns>It was such an entry.</returns>
    /// <remarks>KVM: FNAME(prefetch_invalid_gpte)().</remarks>
    public bool DropIfInvalid(KvmVcpu vcpu, Sptep entry, ulong gpte)
    {
        var isUsed = TPtes.IsPresent(gpte) && (!TPtes.HasAccessedDirty(vcpu.Mmu.CpuRole.Base) || (gpte & TPtes.Accessed) != 0);
        if (isUsed && !TPtes.Reserved(vcpu.Mmu.CpuRole, vm.Profile).AreSet(gpte, PgLevel.Size4K))
            return false;
        rmap.DropSpte(entry);
        return true;
    }

    /// <summary>The rights of a guest entry under a table, without writing where the page is not dirty: so the write that makes it dirty is seen.</summary>
    /// <remarks>KVM: FNAME(protect_clean_gpte)().</remarks>
    public static PteAccess AccessOf(ShadowPage page, ulong gpte)
    {
        var access = page.Role.Access & TPtes.Access(gpte);
        return TPtes.HasAccessedDirty(page.Role) && (gpte & TPtes.Dirty) == 0 ? access & ~PteAccess.Write : access;
    }
}
