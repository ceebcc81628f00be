using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours A6 and F6: how large a page is mapped.</summary>
public sealed class A06_PageSizeTests
{
    [Theory]
    [InlineData("intel", 0x600000000000bf7UL)]
    [InlineData("intel-noad", 0x6100000000008f7UL)]
    [InlineData("amd", 0xee7UL)]
    public void A_huge_page_of_the_host_is_mapped_by_one_entry_of_level_2(string profile, ulong flags)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile), HostBacking.Thp);
        machine.Fresh().Write(0x612345);
        Assert.Equal(flags, machine.Flags(0x612345));
        Assert.Equal(2, machine.Last(0x612345).Level);
        Assert.Equal(HostMemory.FirstPfn + 0x600, machine.Last(0x612345).Value.Pfn);
        Assert.Equal(2, machine.Log.Faults.Single().MappedLevel);
        Assert.Equal(1, machine.Vm.Stats.Pages(2));
    }

    [Fact]
    public void A_slot_whose_dirty_pages_are_logged_is_mapped_by_small_pages()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp, logDirty: true);
        machine.Write(0x600000);
        Assert.Equal(1, machine.Last(0x600000).Level);
    }

    [Fact]
    public void The_unaligned_head_and_tail_of_a_slot_are_mapped_by_small_pages()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp, shape: new MemslotShape(0x100, 0x480, 0x100000));
        machine.Read(0x100000);
        machine.Read(0x200000);
        machine.Read(0x400000);
        Assert.Equal((1, 2, 1), (machine.Last(0x100000).Level, machine.Last(0x200000).Level, machine.Last(0x400000).Level));
    }

    [Fact]
    public void Host_memory_that_lies_otherwise_in_its_huge_pages_is_mapped_by_small_pages()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp, shape: new MemslotShape(Hva: 0x1000));
        machine.Read(0x600000);
        Assert.Equal(1, machine.Last(0x600000).Level);
    }

    [Fact]
    public void A_shadowed_gfn_forbids_the_huge_page_around_it()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp);
        var slot = machine.Vm.Memslots.Find(0x600)!;
        slot.LargePages.Disallow(0x7ff);
        machine.Read(0x600000);
        Assert.Equal(1, machine.Last(0x600000).Level);
        slot.LargePages.Allow(0x7ff);
        machine.Read(0x800000);
        Assert.Equal(2, machine.Last(0x800000).Level);
    }

    [Fact]
    public void With_the_NX_mitigation_a_huge_page_is_not_executable_and_a_fetch_gets_a_small_one()
    {
        var machine = new DirectMachine(HostProfiles.Intel with { NxHugePages = true }, HostBacking.Thp);
        machine.Read(0x600000);
        Assert.Equal((2, 0x600000000000bf3UL), (machine.Last(0x600000).Level, machine.Flags(0x600000)));
        machine.Fetch(0x600000);
        Assert.Equal((1, 0x600000000000b77UL), (machine.Last(0x600000).Level, machine.Flags(0x600000)));
    }
}
