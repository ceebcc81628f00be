using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class WalkCountsTests
{
    private const ulong Gva = 0x7f00_0000_0000;
    private const ulong Gpa = 0x40_0000;

    [Fact]
    public void Only_an_access_that_misses_is_counted_and_with_what_its_walk_reads()
    {
        var machine = Mapped(MmuMode.Ept);
        for (var i = 0; i < 3; i++)
            machine.Touch(Gva, Gpa);
        Assert.Equal([new WalkCount(0, 4, 20, 1)], machine.Walks.All);
    }

    [Fact]
    public void A_shadow_walk_reads_KVMs_tables_alone()
    {
        var machine = Mapped(MmuMode.Shadow);
        machine.Touch(Gva, Gpa);
        Assert.Equal([new WalkCount(0, 0, 4, 1)], machine.Walks.All);
    }

    [Fact]
    public void The_guests_own_flushes_make_the_next_access_miss()
    {
        var machine = Mapped(MmuMode.Ept);
        machine.Touch(Gva, Gpa);
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        machine.Touch(Gva, Gpa);
        machine.Cpu.Instructions.Invlpg(Gva);
        machine.Touch(Gva, Gpa);
        machine.Cpu.Instructions.Invlpg(Gva + 0x1000);
        machine.Touch(Gva, Gpa);
        Assert.Equal(3, machine.Walks.Walks);
    }

    [Fact]
    public void What_KVM_does_to_its_tables_makes_no_access_miss()
    {
        var machine = Mapped(MmuMode.Ept);
        machine.Touch(Gva, Gpa);
        machine.Hypervisor.NewRoot();
        machine.Touch(Gva, Gpa);
        Assert.Equal(1, machine.Walks.Walks);
    }

    [Fact]
    public void Stretches_become_longer_and_lose_nothing()
    {
        var walks = new WalkCounts();
        for (var ordinal = 0L; ordinal < 4_000_000; ordinal += 100)
            walks.Count(ordinal, 4, 20);
        Assert.Equal(40_000, walks.All.Sum(count => count.Walks));
        Assert.InRange(walks.All.Count, 512, 1024);
        Assert.Equal(24 * 40_000, walks.References);
        var lengths = walks.All.Zip(walks.All.Skip(1), (left, right) => right.FirstOrdinal - left.FirstOrdinal);
        Assert.Equal([4096L], lengths.Distinct());
    }

    private static FakeMachine Mapped(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        return machine;
    }
}
