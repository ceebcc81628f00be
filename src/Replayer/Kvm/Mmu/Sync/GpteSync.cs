using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Brings entries back in step with a guest's tables of one form.</summary>
internal interface IGpteSync
{
    /// <summary>Brings an unsync page up to date with the guest's table.</summary>
    /// <returns>Below 0: it must be zapped. Above 0: TLBs must be flushed.</returns>
    /// <remarks>KVM: FNAME(sync_page)(), later __kvm_sync_page().</remarks>
    int SyncPage(KvmVcpu vcpu, ShadowPage page);

    /// <summary>Drops one translation from the tree of a root, if the guest may have changed it unseen.</summary>
    /// <remarks>KVM: FNAME(invlpg)(), later __kvm_mmu_invalidate_addr().</remarks>
    void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root);
}

/// <summary>Brings shadow entries back in step with guest entries that were written without a trap.</summary>
internal abstract class GpteSync<TPtes>(KvmVm vm, SpteMaker maker, SpteStore sptes, Rmap rmap, LeafMapper leaves, GptePrefetch<TPtes> prefetch) : IGpteSync
    where TPtes : struct, IGuestPtes
{
    /// <summary>Parts of the role that differ between a root and the pages below it.</summary>
    private const uint IgnoredRole = 0xf | 3u << 5 | 7u << 8 | PageRole.PassthroughMask;

    /// <summary>The kernel's way of syncing.</summary>
    public static GpteSync<TPtes> For(KvmVm vm, SpteMaker maker, SpteStore sptes, Rmap rmap, LeafMapper leaves, Zapper zapper, GptePrefetch<TPtes> prefetch) =>
        vm.Kernel.SyncsEntryByEntry
            ? new GpteSyncBySpte<TPtes>(vm, maker, sptes, rmap, leaves, zapper, prefetch)
            : new GpteSyncByPage<TPtes>(vm, maker, sptes, rmap, leaves, zapper, prefetch);

    /// <inheritdoc cref="IGpteSync.SyncPage"/>
    public abstract int SyncPage(KvmVcpu vcpu, ShadowPage page);

    /// <inheritdoc cref="IGpteSync.Invlpg"/>
    public abstract void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root);

    /// <summary>The page was made for the paging that the vCPU has now.</summary>
    /// <remarks>KVM: kvm_sync_page_check().</remarks>
    protected static bool IsOfContext(KvmVcpu vcpu, ShadowPage page) =>
        !page.Role.Direct && ((page.Role.Word ^ vcpu.Mmu.RootRole.Word) & ~IgnoredRole) == 0;

    /// <summary>Reads the guest entry behind an entry of a level-1 page.</summary>
    protected bool TryReadGpte(ShadowPage page, int index, out ulong gpte) =>
        vm.GuestMemory.TryRead(FirstPteGpa(page) + (ulong)(index * TPtes.EntrySize), TPtes.EntrySize, out gpte);

    /// <summary>Keeps, remakes or drops one entry.</summary>
    /// <param name="vcpu">Whose guest.</param>
    /// <param name="entry">The entry.</param>
    /// <param name="gpte">The guest's.</param>
    /// <param name="keepsSameAccess">An entry whose rights have not changed stays as it is, accessed and dirty bits too.</param>
    /// <returns>TLBs must be flushed.</returns>
    protected bool SyncEntry(KvmVcpu vcpu, Sptep entry, ulong gpte, bool keepsSameAccess)
    {
        if (prefetch.DropIfInvalid(vcpu, entry, gpte))
            return true;
        var gfn = TPtes.Gfn(gpte, PgLevel.Size4K);
        var access = GptePrefetch<TPtes>.AccessOf(entry.Page, gpte);
        if (SyncMmio(entry, gfn, access))
            return false;
        if (((ulong)access | vm.Format.PresentMask) == vm.Kernel.EmptySpte || gfn != entry.Gfn)
        {
            rmap.DropSpte(entry);
            return true;
        }

        if (keepsSameAccess && entry.Page.AccessAt(entry.Index) == access)
            return false;
        entry.Page.SetTranslation(entry.Index, gfn, access);
        var old = entry.Value;
        var slot = vm.Memslots.Find(gfn);
        Invariant.Holds(slot is not null, $"entry {entry} maps gfn {gfn:x}, which no memslot holds");
        maker.Make(entry.Page, slot, access, gfn, old.Pfn, old, prefetch: true, canUnsync: false, vm.Format.IsHostWritable(old), out var made);
        return sptes.Update(entry, made, gfn);
    }

    /// <remarks>KVM: sync_mmio_spte().</remarks>
    private bool SyncMmio(Sptep entry, ulong gfn, PteAccess access)
    {
        var spte = entry.Value;
        if (!vm.Format.IsMmio(spte))
            return false;
        if (gfn == vm.Format.MmioGfn(spte))
            leaves.MarkMmio(entry, gfn, access);
        else
            sptes.ClearNoTrack(entry, vm.Format.MmioGfn(spte));
        return true;
    }

    /// <summary>Where the guest entries behind a level-1 page begin: a guest table of 4-byte entries has two such pages.</summary>
    /// <remarks>KVM: FNAME(get_level1_sp_gpa)().</remarks>
    private static ulong FirstPteGpa(ShadowPage page) =>
        (page.Gfn << 12) + (TPtes.EntrySize == 4 ? (ulong)(page.Role.Quadrant << 9) * 4 : 0);
}
