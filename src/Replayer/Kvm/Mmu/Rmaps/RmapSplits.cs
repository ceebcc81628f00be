using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Splits huge pages of nested guests before their first write, so that dirty logging can tell small ones. The TDP MMU has its own; without it
/// KVM splits none, and reverse maps of a VM that has it know entries of nested guests alone.
/// </summary>
internal sealed class RmapSplits(KvmVm vm, PteLists lists, SpteStore sptes, Rmap rmap, ShadowPages pages, ShadowLinks links, Recycler recycler)
{
    /// <summary>Splits the huge pages of a range of a slot, the largest first, down to <paramref name="targetLevel"/>.</summary>
    /// <remarks>KVM: kvm_shadow_mmu_try_split_huge_pages(). Its walk looks at the first page wherever the range ends.</remarks>
    public void TrySplit(Memslot slot, ulong startGfn, ulong endGfn, int targetLevel)
    {
        var end = Math.Max(endGfn, startGfn + 1);
        for (var level = PgLevel.MaxHugePage; level > targetLevel; level--)
        {
            for (var walk = new SlotRmapWalk(slot, level, level, startGfn, end); walk.MoveNext();)
            {
                while (TryFindSplittable(walk.Head, out var huge) && recycler.HasRoomToSplit)
                    Split(slot, huge);
            }
        }
    }

    /// <summary>The first entry of a list that is in no zapped page.</summary>
    /// <remarks>KVM: shadow_mmu_try_split_huge_pages(), which starts again after each split.</remarks>
    private bool TryFindSplittable(int head, out Sptep huge)
    {
        for (var packed = lists.First(head, out var cursor); packed != 0; packed = lists.Next(ref cursor))
        {
            huge = vm.Pages.Unpack(packed);
            Invariant.Holds(huge.Page.Role.GuestMode && huge.Value.IsLarge, $"entry {huge} is no huge page of a nested guest and was about to be split");
            if (!huge.Page.Role.Invalid)
                return true;
        }

        huge = default;
        return false;
    }

    /// <summary>A direct table of small pages takes the place of the huge entry. There may be one already, where another entry maps the same pages.</summary>
    /// <remarks>KVM: shadow_mmu_split_huge_page(), shadow_mmu_get_sp_for_split().</remarks>
    private void Split(Memslot slot, Sptep huge)
    {
        using var scope = vm.Journal.Enter(KvmFunction.ShadowMmuSplitHugePage);
        var value = huge.Value;
        var child = pages.Get(vcpu: null, huge.Gfn, ShadowPages.ChildRole(huge, direct: true, huge.Page.AccessAt(huge.Index)));
        for (var i = 0; i < TablePage.EntryCount; i++)
        {
            var entry = new Sptep(child, i);
            if (entry.Value.IsShadowPresent)
                continue;
            var gfn = child.GfnAt(i);
            sptes.Set(entry, vm.Format.MakeHugePageSplit(value, child.Role, i, vm.Profile.NxHugePages), gfn);
            rmap.Add(slot, entry, gfn, child.Role.Access);
        }

        links.Link(huge, child);
    }
}
