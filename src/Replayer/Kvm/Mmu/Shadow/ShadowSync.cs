namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Brings shadow entries back in step with guest entries that were written without a trap.</summary>
internal sealed class ShadowSync<TPtes>(KvmVm vm, ShadowMmu mmu, GptePrefetch<TPtes> prefetch)
    where TPtes : struct, IGuestPtes
{
    /// <summary>Parts of the role that differ between a root and the pages below it.</summary>
    private const uint IgnoredRole = 0xf | 3u << 5 | 7u << 8 | PageRole.PassthroughMask;

    /// <remarks>KVM: FNAME(sync_page)().</remarks>
    public int SyncPage(KvmVcpu vcpu, ShadowPage page)
    {
        using var scope = vm.Journal.Enter(TPtes.SyncFunction);
        if (page.Role.Direct || ((page.Role.Word ^ vcpu.Mmu.RootRole.Word) & ~IgnoredRole) != 0)
            return -1;
        var flush = false;
        var first = FirstPteGpa(page);
        for (var index = 0; index < TablePage.EntryCount; index++)
        {
            if (page[index].Raw == 0)
                continue;
            var gpa = first + (ulong)(index * TPtes.EntrySize);
            if (!vm.GuestMemory.TryRead(gpa, TPtes.EntrySize, out var gpte))
                return -1;
            flush |= SyncEntry(vcpu, new Sptep(page, index), gpte);
        }

        return flush ? 1 : 0;
    }

    /// <remarks>KVM: FNAME(invlpg)().</remarks>
    public void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root)
    {
        using var scope = vm.Journal.Enter(TPtes.InvlpgFunction);
        vcpu.Mmio.Clear(gva);
        for (var walk = ShadowWalk.From(vcpu, root, gva); walk.IsOkay; walk.Next())
        {
            var page = walk.Page;
            var entry = walk.Entry;
            var old = walk.Value;
            if (old.IsLast(walk.Level))
            {
                if (!page.Unsync)
                    return;
                mmu.Links.ZapPte(entry);
                if (old.IsShadowPresent)
                    vm.Tlb.FlushRemoteWithAddress(page.Gfn, PageLevels.PagesPerHugePage(page.Role.Level));
                if (!vm.GuestMemory.TryRead(FirstPteGpa(page) + (ulong)(entry.Index * TPtes.EntrySize), TPtes.EntrySize, out var gpte))
                    return;
                prefetch.Prefetch(vcpu, entry, gpte, noDirtyLog: false);
            }

            if (page.UnsyncChildren == 0)
                return;
        }
    }

    /// <summary>Keeps, remakes or drops one entry.</summary>
    /// <returns>TLBs must be flushed.</returns>
    private bool SyncEntry(KvmVcpu vcpu, Sptep entry, ulong gpte)
    {
        if (prefetch.DropIfInvalid(vcpu, entry, gpte))
            return true;
        var gfn = TPtes.Gfn(gpte, PgLevel.Size4K);
        var access = GptePrefetch<TPtes>.AccessOf(entry.Page, gpte);
        if (SyncMmio(entry, gfn, access))
            return false;
        if ((access == PteAccess.None && vm.Format.PresentMask == 0) || gfn != entry.Gfn)
        {
            mmu.Rmap.DropSpte(entry);
            return true;
        }

        entry.Page.SetTranslation(entry.Index, gfn, access);
        var old = entry.Value;
        var slot = vm.Memslots.Find(gfn);
        Invariant.Holds(slot is not null, $"entry {entry} maps gfn {gfn:x}, which no memslot holds");
        vm.SpteMaker.Make(entry.Page, slot, access, gfn, old.Pfn, old, prefetch: true, canUnsync: false, vm.Format.IsHostWritable(old), out var made);
        return mmu.Sptes.Update(entry, made, gfn);
    }

    /// <remarks>KVM: sync_mmio_spte().</remarks>
    private bool SyncMmio(Sptep entry, ulong gfn, PteAccess access)
    {
        var spte = entry.Value;
        if (!vm.Format.IsMmio(spte))
            return false;
        if (gfn == vm.Format.MmioGfn(spte))
            mmu.LeafMapper.MarkMmio(entry, gfn, access);
        else
            mmu.Sptes.ClearNoTrack(entry, vm.Format.MmioGfn(spte));
        return true;
    }

    /// <summary>Where the guest entries behind a level-1 page begin: a guest table of 4-byte entries has two such pages.</summary>
    /// <remarks>KVM: FNAME(get_level1_sp_gpa)().</remarks>
    private static ulong FirstPteGpa(ShadowPage page) =>
        (page.Gfn << 12) + (TPtes.EntrySize == 4 ? (ulong)(page.Role.Quadrant << 9) * 4 : 0);
}
