using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Host;

/// <summary>Rows F7 to F11: dirty logging on, read, off; the CPU's log; the NX recovery thread.</summary>
public sealed class DirtyLogTests
{
    public static TheoryData<MmuMode> Modes => [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.NptTdp];

    private static IEnumerable<ulong> Gfns(ulong[]? log) =>
        Enumerable.Range(0, log!.Length * 64).Select(i => (ulong)i).Where(gfn => (log[gfn >> 6] >> (int)(gfn & 63) & 1) != 0);

    [Fact]
    public void A_log_is_cleared_to_its_end_and_not_beyond()
    {
        var machine = new HostMachine(MmuMode.Ept, logDirty: true);
        machine.Write(0x3fff);
        Assert.True(machine.Slot.DirtyBitmap!.Get(0x3fff));
        Assert.True(machine.Events.DirtyLogClear(0, 64UL << 20));
        Assert.False(machine.Slot.DirtyBitmap!.Get(0x3fff));
    }

    [Fact]
    public void Clearing_what_is_not_dirty_writes_no_entry_and_flushes_nothing()
    {
        var machine = new HostMachine(MmuMode.Ept, logDirty: true);
        machine.Write(0x200);
        Assert.Empty(machine.LinesOf(() => Assert.True(machine.Events.DirtyLogClear(0, 0x200UL << 12))));
        Assert.NotEmpty(machine.LinesOf(() => Assert.True(machine.Events.DirtyLogClear(0x200UL << 12, 64 << 12))));
    }

    [Fact]
    public void With_PML_logging_starts_by_splitting_then_clears_D_and_keeps_W_and_flushes_once()
    {
        var machine = new HostMachine(MmuMode.EptTdp, backing: HostBacking.Thp);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => Assert.True(machine.Events.DirtyLogOn(0)));

        Assert.StartsWith("create S4 gfn=200", lines[0], StringComparison.Ordinal);
        Assert.Equal("gfn=200 level=2 old=g200 fl=600000000000bf7 new=->S4 fl=907", lines[513]);
        Assert.Equal("gfn=200 level=1 old=g200 fl=600000000000b77 new=g200 fl=600000000000977", lines[514]);
        Assert.Equal("gfn=3ff level=1 old=g3ff fl=600000000000b77 new=g3ff fl=600000000000977", lines[514 + 511]);
        Assert.Equal("flush", lines[^1]);
        Assert.Equal(514 + 512 + 1, lines.Count);
    }

    [Fact]
    public void Without_PML_logging_takes_W()
    {
        var machine = new HostMachine(MmuMode.NptTdp);
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=e67 new=g200 fl=e65", "flush"],
            machine.LinesOf(() => machine.Events.DirtyLogOn(0)));
    }

    [Fact]
    public void The_shadow_MMU_does_not_split_huge_pages_it_write_protects_them()
    {
        var machine = new HostMachine(MmuMode.Ept, backing: HostBacking.Thp);
        machine.Write(0x200);

        Assert.Equal(
            ["(untraced) gfn=200 level=2 old=g200 fl=600000000000bf7 new=g200 fl=600000000000bf5", "flush"],
            machine.LinesOf(() => machine.Events.DirtyLogOn(0)));
    }

    [Fact]
    public void A_write_to_a_protected_huge_page_replaces_it_by_a_small_one()
    {
        var machine = new HostMachine(MmuMode.Ept, backing: HostBacking.Thp);
        machine.Write(0x200);
        machine.Events.DirtyLogOn(0);

        Assert.Equal(RetPf.Fixed, machine.Write(0x201));
        Assert.Equal(1, machine.Find(0x201).Level);
        Assert.Equal([0x201UL], Gfns(machine.Events.DirtyLogGet(0)));
    }

    [Fact]
    public void Without_eager_splitting_the_TDP_MMU_protects_huge_pages_as_well()
    {
        var machine = new HostMachine(MmuMode.EptTdp, HostProfiles.IntelBochs with { EagerPageSplit = false }, HostBacking.Thp);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => machine.Events.DirtyLogOn(0));

        Assert.Equal("gfn=200 level=2 old=g200 fl=600000000000bf7 new=g200 fl=6000000000009f7", lines[0]);
        Assert.Equal("gfn=200 level=2 old=g200 fl=6000000000009f7 new=g200 fl=6000000000009f5", lines[1]);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void The_log_names_the_pages_written_since_it_was_last_read(MmuMode mode)
    {
        var machine = new HostMachine(mode, logDirty: true);
        machine.Write(0x100);
        machine.Write(0x3fff);
        Assert.Equal([0x100UL, 0x3fffUL], Gfns(machine.Events.DirtyLogGet(0)));

        Assert.Empty(machine.LinesOf(() => Assert.Empty(Gfns(machine.Events.DirtyLogGet(0)))));
        machine.Write(0x800);
        Assert.Equal([0x800UL], Gfns(machine.Events.DirtyLogGet(0)));
    }

    [Theory]
    [InlineData(MmuMode.NptTdp)]
    [InlineData(MmuMode.Npt)]
    public void A_page_that_was_read_from_the_log_is_logged_again_by_a_fast_page_fault(MmuMode mode)
    {
        var machine = new HostMachine(mode, logDirty: true);
        machine.Write(0x100);
        var protection = machine.LinesOf(() => machine.Events.DirtyLogGet(0));
        Assert.EndsWith("gfn=100 level=1 old=g100 fl=e67 new=g100 fl=e65", protection[0], StringComparison.Ordinal);
        Assert.Equal("flush", protection[1]);

        var again = machine.LinesOf(() => Assert.Equal(RetPf.Fixed, machine.Write(0x100)));

        Assert.EndsWith("old=g100 fl=e65 new=g100 fl=e67", Assert.Single(again), StringComparison.Ordinal);
        Assert.Equal(1, machine.Vm.Stats.PfFast);
        Assert.Equal([0x100UL], Gfns(machine.Events.DirtyLogGet(0)));
    }

    [Fact]
    public void What_the_CPU_logged_is_in_the_log_that_userspace_reads()
    {
        var machine = new HostMachine(MmuMode.EptTdp, logDirty: true);
        Assert.True(machine.Vcpu.Pml!.TryLog(0x123_4567));

        Assert.Equal([0x1234UL], Gfns(machine.Events.DirtyLogGet(0)));
        Assert.Equal(0, machine.Vcpu.Pml.Count);
    }

    [Fact]
    public void The_CPU_logs_only_while_a_slot_is_logged()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        Assert.Null(machine.Vcpu.Pml);
        machine.Events.DirtyLogOn(0);
        Assert.NotNull(machine.Vcpu.Pml);
        machine.Events.DirtyLogOff(0);
        Assert.Null(machine.Vcpu.Pml);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void When_logging_ends_the_next_fault_makes_the_huge_page_again(MmuMode mode)
    {
        var machine = new HostMachine(mode, backing: HostBacking.Thp, logDirty: true);
        machine.Write(0x200);
        machine.Write(0x201);
        Assert.Equal(1, machine.Find(0x200).Level);

        machine.Events.DirtyLogOff(0);
        Assert.Null(machine.Translate(0x200));
        machine.Write(0x200);

        Assert.Equal(2, machine.Find(0x200).Level);
        Assert.Equal(HostMemory.FirstPfn + 0x333, machine.Translate(0x333));
    }

    [Fact]
    public void Switching_what_is_on_already_or_where_no_slot_is_does_nothing()
    {
        var machine = new HostMachine(MmuMode.EptTdp, logDirty: true);
        var generation = machine.Vm.Memslots.Generation;

        Assert.True(machine.Events.DirtyLogOn(0));
        Assert.False(machine.Events.DirtyLogOn(1UL << 32));
        Assert.False(machine.Events.DirtyLogOff(1UL << 32));
        Assert.Null(machine.Events.DirtyLogGet(1UL << 32));
        Assert.Equal(generation, machine.Vm.Memslots.Generation);

        machine.Events.DirtyLogOff(0);
        Assert.Null(machine.Events.DirtyLogGet(0));
    }

    [Fact]
    public void The_prefetch_of_the_shadow_MMU_keeps_out_of_a_logged_slot()
    {
        var machine = new HostMachine(MmuMode.Ept, logDirty: true);
        machine.Write(0x200);

        Assert.Equal([0x200UL], Gfns(machine.Events.DirtyLogGet(0)));
        Assert.Null(machine.Translate(0x201));
    }

    [Theory]
    [InlineData(MmuMode.EptTdp)]
    [InlineData(MmuMode.Ept)]
    public void One_round_of_NX_recovery_zaps_a_sixtieth_of_the_splits_the_oldest_first(MmuMode mode)
    {
        var machine = new HostMachine(mode, HostProfiles.IntelBochs with { NxHugePages = true }, HostBacking.Thp);
        for (var gfn = 0UL; gfn < 31 * 0x200; gfn += 0x200)
            machine.Fault(gfn, Pferr.Fetch);
        Assert.Equal(31, machine.Vm.Stats.NxLpageSplits);

        var lines = machine.LinesOf(machine.Events.RecoverNxHugePages);

        Assert.Equal(30, machine.Vm.Stats.NxLpageSplits);
        Assert.Null(machine.Translate(0));
        Assert.NotNull(machine.Translate(0x200));
        Assert.Equal("flush", lines[^1]);
    }
}
