using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>Rows B11 and B12: the host's hand in guest memory.</summary>
public sealed class TdpNotifierTests
{
    [Fact]
    public void An_invalidated_range_loses_its_leaves_and_keeps_its_tables()
    {
        var machine = new TdpMachine();
        foreach (var gfn in new ulong[] { 0x100, 0x1ff, 0x200, 0x5ff, 0x600 })
            machine.Write(gfn);

        Assert.Equal(
            [
                "gfn=1ff level=1 old=g1ff fl=600000000000b77 new=0",
                "gfn=200 level=1 old=g200 fl=600000000000b77 new=0",
                "gfn=5ff level=1 old=g5ff fl=600000000000b77 new=0",
            ],
            machine.LinesOf(() => Assert.True(machine.Vm.TdpMmu.ZapLeafs(0x101, 0x600, flush: false))));
    }

    [Fact]
    public void A_huge_page_goes_whole_however_little_of_it_is_invalidated()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=2 old=g200 fl=600000000000bf7 new=0"],
            machine.LinesOf(() => machine.Vm.TdpMmu.ZapLeafs(0x234, 0x235, flush: false)));
    }

    [Fact]
    public void Where_nothing_is_mapped_no_flush_is_owed_but_one_owed_before_stays_owed()
    {
        var machine = new TdpMachine();

        Assert.False(machine.Vm.TdpMmu.ZapLeafs(0, 0x4000, flush: false));
        Assert.True(machine.Vm.TdpMmu.ZapLeafs(0, 0x4000, flush: true));
    }

    [Fact]
    public void MMIO_entries_survive_an_invalidation()
    {
        var machine = new TdpMachine();
        machine.Write(0xfe000);

        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.ZapLeafs(0, 0x10_0000, flush: false)));
    }

    [Fact]
    public void Another_frame_behind_a_page_takes_two_writes_zero_and_the_new_entry_without_rights_to_write()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        Assert.Equal(
            [
                "gfn=200 level=1 old=g200 fl=600000000000b77 new=0",
                "gfn=200 level=1 old=0 new=g321 fl=a75",
            ],
            machine.LinesOf(() => Assert.True(machine.Vm.TdpMmu.SetSpteGfn(0x200, HostMemory.FirstPfn + 0x321, writable: false))));
    }

    [Fact]
    public void Another_frame_that_is_writable_is_left_to_the_next_fault()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=600000000000b77 new=0"],
            machine.LinesOf(() => machine.Vm.TdpMmu.SetSpteGfn(0x200, HostMemory.FirstPfn + 0x321, writable: true)));
        Assert.False(machine.Vm.TdpMmu.SetSpteGfn(0x200, 1, writable: false));
    }

    [Fact]
    public void Aging_clears_the_accessed_bit_once()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        Assert.True(machine.Vm.TdpMmu.TestAge(0x200, 0x201));
        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=600000000000b77 new=g200 fl=600000000000a77"],
            machine.LinesOf(() => Assert.True(machine.Vm.TdpMmu.Age(0x200, 0x201))));
        Assert.Empty(machine.LinesOf(() => Assert.False(machine.Vm.TdpMmu.Age(0x200, 0x201))));
        Assert.False(machine.Vm.TdpMmu.TestAge(0x200, 0x201));
    }

    [Fact]
    public void Without_AD_bits_aging_takes_all_rights_and_remembers_R_and_X()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd);
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=610000000000877 new=g200 fl=750000000000870"],
            machine.LinesOf(() => Assert.True(machine.Vm.TdpMmu.Age(0, 0x4000))));
        Assert.False(machine.Vm.TdpMmu.TestAge(0, 0x4000));
    }
}
