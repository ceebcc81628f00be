using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>From a gfn to the entries that map it. Keeps the lists; <see cref="RmapOperations"/> acts on what is in them.</summary>
internal sealed class Rmap(KvmVm vm, PteLists lists, SpteStore sptes)
{
    /// <summary>RMAP_RECYCLE_THRESHOLD: a gfn mapped more often loses all its mappings.</summary>
    private const int RecycleThreshold = 1000;

    /// <summary>The entry maps the gfn from now on.</summary>
    /// <remarks>KVM: rmap_add(), __rmap_add().</remarks>
    public void Add(Memslot slot, Sptep entry, ulong gfn, PteAccess access)
    {
        var level = entry.Level;
        entry.Page.SetTranslation(entry.Index, gfn, access);
        vm.Stats.UpdatePages(level, 1);
        ref var head = ref slot.Rmaps.Head(gfn, level);
        var count = lists.Add(ref head, entry.Packed);
        vm.Journal.Rmap(RmapOperation.Add, gfn, entry.Page.Id, entry.Index, level);
        vm.Stats.MaxMmuRmapSize = Math.Max(vm.Stats.MaxMmuRmapSize, count);
        if (count > RecycleThreshold)
        {
            using var scope = vm.Journal.Enter(KvmFunction.RmapAdd);
            ZapAll(ref head);
            var first = vm.Kernel.FlushesWhatTheEntryMaps ? PageLevels.RoundDown(gfn, level) : entry.Page.Gfn;
            vm.Tlb.FlushRemoteWithAddress(first, PageLevels.PagesPerHugePage(level));
        }
    }

    /// <summary>Clears a leaf and forgets that it maps its gfn.</summary>
    /// <remarks>KVM: drop_spte(), rmap_remove().</remarks>
    public void DropSpte(Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DropSpte);
        if (!entry.Page.IsPresent(sptes.ClearTrackBits(entry)))
            return;
        var gfn = entry.Gfn;
        var slot = vm.Memslots.Find(gfn);
        if (slot is null)
            Invariant.Broken($"entry {entry} maps gfn {gfn:x}, which no memslot holds");
        RemoveFrom(ref slot.Rmaps.Head(gfn, entry.Level), entry);
    }

    /// <remarks>KVM: kvm_zap_one_rmap_spte().</remarks>
    public void ZapOne(ref int head, Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmZapOneRmapSpte);
        sptes.ClearTrackBits(entry);
        RemoveFrom(ref head, entry);
    }

    /// <summary>Clears every entry of the list.</summary>
    /// <returns>There was one.</returns>
    /// <remarks>KVM: kvm_zap_all_rmap_sptes().</remarks>
    public bool ZapAll(ref int head)
    {
        if (head == 0)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmZapAllRmapSptes);
        for (var packed = lists.First(head, out var cursor); packed != 0; packed = lists.Next(ref cursor))
        {
            var entry = vm.Pages.Unpack(packed);
            sptes.ClearTrackBits(entry);
            vm.Journal.Rmap(RmapOperation.Remove, entry.Gfn, entry.Page.Id, entry.Index, entry.Level);
        }

        lists.Clear(ref head);
        return true;
    }

    private void RemoveFrom(ref int head, Sptep entry)
    {
        lists.Remove(ref head, entry.Packed);
        vm.Journal.Rmap(RmapOperation.Remove, entry.Gfn, entry.Page.Id, entry.Index, entry.Level);
    }
}
