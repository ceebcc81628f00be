using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A10: from a gfn to the entries that map it.</summary>
public sealed class A10_RmapTests
{
    [Fact]
    public void Every_present_leaf_has_one_reverse_map_entry()
    {
        var machine = new DirectMachine();
        for (var gpa = 0UL; gpa < 0x400000; gpa += 0x3000)
            machine.Write(gpa);
        new MmuAudit(machine.Vm).Check();
        Assert.Equal(machine.Vm.Stats.Pages(1), machine.Log.Rmaps.Count(change => change.Operation == RmapOperation.Add));
    }

    [Fact]
    public void Fourteen_entries_fill_a_descriptor_and_a_removed_one_is_replaced_by_the_last_of_its_descriptor()
    {
        var lists = PteLists.For(KvmBehaviour.Linux61);
        var head = 0;
        for (var entry = 1; entry <= 30; entry++)
            Assert.Equal(entry - 1, lists.Add(ref head, entry));
        lists.Remove(ref head, 3);
        Assert.Equal([1, 2, 14, .. Enumerable.Range(4, 10), .. Enumerable.Range(15, 16)], Walk(lists, head));
        lists.Add(ref head, 99);
        Assert.Equal(99, Walk(lists, head)[13]);
        Assert.Equal(30, lists.Count(head));
    }

    [Fact]
    public void A_descriptor_that_loses_its_last_entry_leaves_the_chain()
    {
        var lists = PteLists.For(KvmBehaviour.Linux61);
        var head = 0;
        for (var entry = 1; entry <= 15; entry++)
            lists.Add(ref head, entry);
        for (var entry = 1; entry <= 14; entry++)
            lists.Remove(ref head, entry);
        Assert.Equal([15], Walk(lists, head));
        lists.Remove(ref head, 15);
        Assert.Equal(0, head);
    }

    [Fact]
    public void Removing_what_is_not_there_is_our_own_mistake()
    {
        var lists = PteLists.For(KvmBehaviour.Linux61);
        var head = 0;
        lists.Add(ref head, 1);
        Assert.Throws<InvariantViolation>(() => lists.Remove(ref head, 2));
        lists.Add(ref head, 2);
        Assert.Throws<InvariantViolation>(() => lists.Remove(ref head, 3));
    }

    [Fact]
    public void A_gfn_mapped_more_than_a_thousand_times_loses_all_its_mappings()
    {
        var machine = new DirectMachine();
        var slot = machine.Vm.Memslots.Find(5)!;
        var page = default(ShadowPage);
        for (var i = 0; i < 1001; i++)
            page = Map(machine, slot);
        Assert.Equal(1001, machine.Vm.ShadowMmu.PteLists.Count(slot.Rmaps.Head(5, 1)));
        Assert.Equal(1000, machine.Vm.Stats.MaxMmuRmapSize);
        machine.Fresh();
        Map(machine, slot);
        Assert.Equal(0, slot.Rmaps.Head(5, 1));
        Assert.Equal(1002, machine.Log.Writes.Count(write => write.New == 0));
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.RemoteRange);
        Assert.Equal(0UL, page![5].Raw);
    }

    /// <summary>One more table that maps gfn 5.</summary>
    private static ShadowPage Map(DirectMachine machine, Replay.Replayer.Kvm.Memslot slot)
    {
        var page = machine.Vm.Pages.Allocate(0, machine.Root.Role.WithLevel(1), 0, isTdp: false);
        machine.Log.Pages.Clear();
        machine.Vm.ShadowMmu.LeafMapper.Prefetch(slot, new Sptep(page, 5), PteAccess.All, 5, 0x100005);
        return page;
    }

    private static List<int> Walk(PteLists lists, int head)
    {
        var found = new List<int>();
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            found.Add(entry);
        return found;
    }
}
