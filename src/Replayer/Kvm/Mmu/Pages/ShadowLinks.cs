using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Links table pages to each other.</summary>
internal sealed class ShadowLinks(KvmVm vm, SpteStore sptes, ParentPtes parents, UnsyncPages unsync, Zapper zapper)
{
    /// <summary>Makes an entry point at a page; what was there is zapped first.</summary>
    /// <remarks>KVM: __link_shadow_page().</remarks>
    public void Link(Sptep entry, ShadowPage child)
    {
        using var scope = vm.Journal.Enter(KvmFunction.LinkShadowPage);
        if (entry.IsPresent)
        {
            var invalid = default(ZapList);
            zapper.ZapPte(entry, ref invalid);
            zapper.RemoteFlushOrZap(ref invalid, remoteFlush: true);
        }

        var spte = vm.Format.MakeNonleaf(child.Pfn, child.Role.AdDisabled);
        sptes.Set(entry, spte, child.Gfn);
        parents.Add(child, entry);
        if (child.UnsyncChildren > 0 || child.Unsync)
            unsync.Mark(entry);
    }
}

/// <summary>From a page to the entries that point at it.</summary>
internal sealed class ParentPtes(KvmVm vm, PteLists lists, SpteStore sptes)
{
    /// <remarks>KVM: mmu_page_add_parent_pte().</remarks>
    public void Add(ShadowPage child, Sptep entry)
    {
        lists.Add(ref child.ParentPtes, entry.Packed);
        vm.Journal.Rmap(RmapOperation.AddParent, child.Gfn, entry.Page.Id, entry.Index, entry.Level, child.Id);
    }

    /// <summary>The entry no longer points at the page.</summary>
    /// <remarks>KVM: drop_parent_pte().</remarks>
    public void Drop(ShadowPage child, Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.DropParentPte);
        lists.Remove(ref child.ParentPtes, entry.Packed);
        vm.Journal.Rmap(RmapOperation.RemoveParent, child.Gfn, entry.Page.Id, entry.Index, entry.Level, child.Id);
        sptes.ClearNoTrack(entry, child.Gfn);
    }

    /// <summary>No entry points at the page any more.</summary>
    /// <remarks>KVM: kvm_mmu_unlink_parents().</remarks>
    public void DropAll(ShadowPage child)
    {
        int packed;
        while ((packed = lists.First(child.ParentPtes, out _)) != 0)
            Drop(child, vm.Pages.Unpack(packed));
    }
}
