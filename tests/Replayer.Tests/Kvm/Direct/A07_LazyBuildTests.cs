using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours A7 and A8: tables come into being where a fault needs them, and only there.</summary>
public sealed class A07_LazyBuildTests
{
    [Fact]
    public void The_first_fault_links_three_tables_from_the_top_and_then_sets_the_leaf()
    {
        var machine = new DirectMachine(backing: new HostBacking { Populated = false }).Fresh();
        machine.Write(0x10000c);
        Assert.Equal(
            [
                "__link_shadow_page L4[0] 0 -> 907",
                "__link_shadow_page L3[0] 0 -> 907",
                "__link_shadow_page L2[0] 0 -> 907",
                "mmu_set_spte L1[256] 0 -> 600000000000b77",
            ],
            machine.WriteLines());
        Assert.Equal(
            [Tracepoint.None, Tracepoint.None, Tracepoint.None, Tracepoint.KvmMmuSetSpte],
            machine.Log.Writes.Select(write => write.Tracepoint));
    }

    [Theory]
    [InlineData("intel", 0x907UL)]
    [InlineData("intel-noad", 0x10000000000807UL)]
    [InlineData("amd", 0x827UL)]
    public void A_link_gives_every_right_and_is_marked_accessed_where_there_are_accessed_bits(string profile, ulong flags)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile)).Fresh();
        machine.Write(0x10000c);
        var link = machine.Log.Writes[0];
        Assert.Equal(flags, link.New & ~Spte.BaseAddressMask);
        Assert.Equal(machine.Log.Created.First().Pfn, new Spte(link.New).Pfn);
    }

    [Fact]
    public void Each_table_is_made_for_the_first_gfn_that_it_translates()
    {
        var machine = new DirectMachine().Fresh();
        machine.Write(0x2345678);
        Assert.Equal(
            [(3, 0UL, 0x3783u), (2, 0UL, 0x3782u), (1, 0x2200UL, 0x3781u)],
            machine.Log.Created.Select(page => ((int)page.Level, page.Gfn, page.Role)));
    }

    [Fact]
    public void A_neighbour_in_the_same_table_needs_no_new_table()
    {
        var machine = new DirectMachine();
        machine.Write(0x10000c);
        machine.Fresh().Write(0x180000);
        Assert.Empty(machine.Log.Pages);
        Assert.All(machine.Log.Writes, write => Assert.Equal(1, write.Level));
    }

    [Fact]
    public void The_parent_entry_is_kept_in_the_childs_list_and_writes_nothing()
    {
        var machine = new DirectMachine(backing: new HostBacking { Populated = false }).Fresh();
        machine.Write(0x10000c);
        Assert.Equal(3, machine.Log.Rmaps.Count(change => change.Operation == RmapOperation.AddParent));
        Assert.Equal(1, machine.Log.Rmaps.Count(change => change.Operation == RmapOperation.Add));
        Assert.Equal(4, machine.Log.Writes.Count);
    }

    [Fact]
    public void A_table_made_only_because_a_huge_page_must_not_be_executable_is_accounted()
    {
        var machine = new DirectMachine(HostProfiles.Intel with { NxHugePages = true }, HostBacking.Thp);
        machine.Fetch(0x600000);
        Assert.Equal(1, machine.Vm.Stats.NxLpageSplits);
        var split = machine.Last(0x600000).Page;
        Assert.True(split.NxHugePageDisallowed);
        Assert.Same(split, machine.Vm.NxHugePages.Oldest);
        machine.Read(0x601000);
        Assert.Equal(1, machine.Last(0x601000).Level);
    }
}
