using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>What kernels do to the entries of one gfn that know no ranges, and to those of a slot that know no slot's reverse maps.</summary>
internal sealed class EarlyRmaps(KvmVm vm, PteLists lists, SpteStore sptes, Rmap rmap, ActivePages active)
{
    private readonly SpteFormat _format = vm.Format;

    /// <returns>There was an entry.</returns>
    /// <remarks>KVM: kvm_unmap_rmapp().</remarks>
    public bool Unmap(ref int head)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmUnmapRmapp);
        for (int packed; (packed = lists.First(head, out _)) != 0;)
            rmap.DropSpte(vm.Pages.Unpack(packed));
        return true;
    }

    /// <summary>The host put another frame in place of the gfn's: writable ones are dropped, others take its place. Flushes if there was one.</summary>
    /// <remarks>KVM: kvm_set_pte_rmapp().</remarks>
    public void SetPte(ref int head, ulong newPfn, bool writable)
    {
        if (head == 0)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetPteRmapp);
        for (var packed = lists.First(head, out var cursor); packed != 0;)
        {
            var entry = vm.Pages.Unpack(packed);
            if (writable)
            {
                rmap.DropSpte(entry);
                packed = lists.First(head, out cursor);
                continue;
            }

            var made = new Spte((entry.Value.Raw & ~Spte.BaseAddressMask) | newPfn << 12)
                .Without(Spte.WritableMask | _format.HostWritableMask | _format.AccessedMask);
            sptes.ClearTrackBits(entry);
            sptes.Set(entry, made, entry.Gfn);
            vm.Stats.UpdatePages(entry.Level, 1);
            packed = lists.Next(ref cursor);
        }

        vm.Tlb.FlushRemote();
    }

    /// <summary>Takes the accessed state away; without accessed bits, the mapping.</summary>
    /// <returns>The gfn had been accessed.</returns>
    /// <remarks>KVM: kvm_age_rmapp().</remarks>
    public bool Age(ref int head)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmAgeRmapp);
        if (!_format.AdEnabled)
            return Unmap(ref head);
        var young = false;
        for (var packed = lists.First(head, out var cursor); packed != 0; packed = lists.Next(ref cursor))
        {
            var entry = vm.Pages.Unpack(packed);
            if (!_format.IsAccessed(entry.Value))
                continue;
            young = true;
            vm.Writer.Write(entry.Page, entry.Index, entry.Value.Without(_format.AccessedMask), entry.Gfn);
        }

        return young;
    }

    /// <returns>The gfn has been accessed, as far as that is known.</returns>
    /// <remarks>KVM: kvm_test_age_rmapp().</remarks>
    public bool TestAge(int head)
    {
        if (!_format.AdEnabled)
            return false;
        for (var packed = lists.First(head, out var cursor); packed != 0; packed = lists.Next(ref cursor))
        {
            if (_format.IsAccessed(vm.Pages.Unpack(packed).Value))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Goes through all pages that ever held some of a slot, the newest first, and takes the right to write from all that they map, whichever
    /// slot's it is. Huge pages are dropped. Flushes in any case.
    /// </summary>
    /// <remarks>KVM: kvm_mmu_slot_remove_write_access(), spte_write_protect().</remarks>
    public void RemoveWriteAccess(int slotId)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSlotRemoveWriteAccess);
        for (var page = active.Newest; page is not null; page = page.LinkNext)
        {
            if (!page.HoldsSlot(slotId))
                continue;
            for (var index = 0; index < TablePage.EntryCount; index++)
            {
                var entry = new Sptep(page, index);
                if (entry.IsPresent && entry.Value.IsLast(entry.Level))
                    WriteProtect(entry);
            }
        }

        vm.Tlb.FlushRemote();
    }

    private void WriteProtect(Sptep entry)
    {
        var spte = entry.Value;
        if (!spte.IsWritable)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.SpteWriteProtect);
        if (entry.Level > PgLevel.Size4K && !vm.Kernel.ProtectsHugePages)
            rmap.DropSpte(entry);
        else
            sptes.UpdateNoTrack(entry, spte.Without(Spte.WritableMask), entry.Gfn);
    }
}
