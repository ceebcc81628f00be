using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C10 and C11: neighbours of a fault are shadowed along, and tables that map themselves stay in 4K pages.</summary>
public sealed class C10_C11_PrefetchTests
{
    private const ulong Base = 0x40_0000;

    [Fact]
    public void The_eight_aligned_neighbours_that_were_used_are_shadowed_without_an_accessed_bit()
    {
        var machine = new ShadowMachine();
        for (var i = 0UL; i < 16; i++)
            machine.Guest.Map(Base + (i << 12), (0x50 + i) << 12 | P | W | A | D);
        machine.Enter().Read(Base + 0x3000);
        Assert.Equal(
            [0xe43UL, 0xe43, 0xe43, 0xe63, 0xe43, 0xe43, 0xe43, 0xe43, 0],
            Enumerable.Range(0, 9).Select(i => machine.Flags(Base + ((ulong)i << 12))));
    }

    [Fact]
    public void The_first_neighbour_that_was_never_used_ends_it()
    {
        var machine = new ShadowMachine();
        for (var i = 0UL; i < 8; i++)
            machine.Guest.Map(Base + (i << 12), (0x50 + i) << 12 | P | W | (i == 5 ? 0 : A | D));
        machine.Enter().Read(Base + 0x3000);
        Assert.Equal(
            [true, true, true, true, true, false, false, false],
            Enumerable.Range(0, 8).Select(i => machine.Flags(Base + ((ulong)i << 12)) != 0));
    }

    [Fact]
    public void A_clean_neighbour_is_shadowed_read_only()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Base, 0x5_0000 | P | W | A).Map(Base + 0x1000, 0x5_1000 | P | W | A | D);
        machine.Enter().Read(Base + 0x1000);
        Assert.Equal(0xa01UL, machine.Flags(Base));
    }

    [Fact]
    public void A_neighbour_that_is_itself_a_page_table_stays_read_only_and_in_sync()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Base, 0x10_3000 | P | W | A | D).Map(Base + 0x1000, 0x5_1000 | P | W | A | D);
        machine.Enter().Write(Base + 0x1000);
        Assert.Equal(0x801UL, machine.Flags(Base) & 0x807);
        Assert.False(machine.PageOf(0x103).Unsync);
        machine.Audit();
    }

    [Fact]
    public void Without_host_pages_at_hand_nothing_is_prefetched()
    {
        var machine = new ShadowMachine(backing: new HostBacking { Populated = false });
        machine.Guest.Map(Base, 0x5_0000 | P | W | A | D).Map(Base + 0x1000, 0x5_1000 | P | W | A | D);
        machine.Enter().Write(Base + 0x1000);
        Assert.Equal(0UL, machine.Flags(Base));
    }

    [Fact]
    public void A_huge_page_that_holds_its_own_tables_is_mapped_in_4K_pages()
    {
        var machine = new ShadowMachine(backing: HostBacking.Thp);
        machine.Guest.Map(0, P | W | PS, level: 2).Map(0x20_0000, 0x20_0000 | P | W | PS, level: 2);
        machine.Enter().Write(0x1000);
        Assert.Equal(1, machine.Last(0x1000).Level);
        machine.Write(0x20_1000);
        Assert.Equal(2, machine.Last(0x20_1000).Level);
        machine.Audit();
    }

    [Fact]
    public void A_write_to_a_table_that_maps_itself_is_emulated()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(0, P | W | PS, level: 2);
        var directory = machine.Guest.EntryAddress(0, 2);
        machine.Enter();
        Assert.Equal(AccessOutcome.Emulated, machine.Store(directory + 8, directory + 8, 0x20_0000 | P | W | PS));
        Assert.Equal(RetPf.Emulate, machine.Log.Faults.Last().Outcome);
        Assert.Equal(0x20_0000 | P | W | PS, machine.Guest.Entry(0x20_0000, 2));
        machine.Audit();
    }
}
