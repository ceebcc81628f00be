using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C14, C15 and C16: what a trapped write to a guest table does to the shadow pages of it.</summary>
public sealed class C14_C16_TrappedWriteTests
{
    private const ulong Gva = 0x40_0000;
    private const ulong Window = 0x8000_0000;

    [Fact]
    public void The_shadow_of_the_written_entry_is_cleared_and_nothing_else()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x10, directory + 0x10, 0x30_0000 | P | W));
        Assert.Equal(["drop_parent_pte L2[2] 827 -> 0"], machine.WriteLines());
        Assert.Empty(machine.PageLines());
        Assert.Equal((1, 1), (machine.Stats.MmuPteWrite, machine.Stats.MmuPdeZapped));
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Remote);
        machine.Audit();
    }

    [Fact]
    public void A_write_to_an_entry_that_was_never_shadowed_clears_nothing_and_flushes_nothing()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        machine.Store(Window + 0xff8, directory + 0xff8, 0x30_0000 | P | W);
        Assert.Empty(machine.WriteLines());
        Assert.Empty(machine.Log.Flushes);
    }

    [Fact]
    public void A_PDE_of_a_32_bit_guest_has_two_shadow_entries()
    {
        var machine = WithWindow(PagingMode.Bits32, out var directory);
        machine.Write(Gva + 0x20_0000);
        machine.Fresh().Store(Window + 4, directory + 4, 0, size: 4);
        Assert.Equal(["drop_parent_pte L2[2] 827 -> 0", "drop_parent_pte L2[3] 827 -> 0"], machine.WriteLines());
        machine.Audit();
    }

    [Fact]
    public void A_PAE_guest_may_write_an_entry_in_two_halves()
    {
        var machine = WithWindow(PagingMode.Pae, out var directory);
        machine.Store(Window + 0x14, directory + 0x14, 0, size: 4);
        Assert.Equal(["drop_parent_pte L2[2] 827 -> 0"], machine.WriteLines());
        Assert.Equal(1, machine.Stats.MmuPdeZapped);
    }

    [Fact]
    public void One_byte_at_the_start_of_an_entry_is_a_status_bit()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        machine.Store(Window + 0x10, directory + 0x10, 0x07, size: 1);
        Assert.Empty(machine.PageLines());
        Assert.Equal(["drop_parent_pte L2[2] 827 -> 0"], machine.WriteLines());
    }

    [Theory]
    [InlineData(0x14, 8)]
    [InlineData(0x11, 1)]
    [InlineData(0x10, 2)]
    public void A_misaligned_or_small_write_zaps_the_page(int offset, int size)
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        machine.Guest.Memory.TryRead64(directory + 0x10, out var entry);
        machine.Store(Window + (ulong)offset, directory + (ulong)offset, entry >> ((offset & 7) * 8), size);
        Assert.Equal([$"zap {directory >> 12:x} l2"], machine.PageLines());
        Assert.Equal(1, machine.Stats.MmuFlooded);
        machine.Audit();
    }

    [Fact]
    public void The_third_write_without_a_walk_in_between_zaps_the_page_and_makes_it_writable()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        for (var i = 0UL; i < 3; i++)
        {
            Assert.Empty(machine.PageLines());
            Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x800 + (i * 8), directory + 0x800 + (i * 8), 0));
        }

        Assert.Equal([$"zap {directory >> 12:x} l2"], machine.PageLines());
        Assert.Equal(1, machine.Stats.MmuFlooded);
        Assert.False(machine.Slot.Rmaps.IsWriteTracked(directory >> 12));
        Assert.Equal(AccessOutcome.Completed, machine.Store(Window + 0x818, directory + 0x818, 0));
        machine.Audit();
    }

    [Fact]
    public void A_walk_through_the_page_starts_the_count_again()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        machine.Guest.Map(Gva + 0x1000, 0x7000 | P | W).Map(Gva + 0x2000, 0x8000 | P | W);
        for (var i = 0UL; i < 6; i++)
        {
            machine.Store(Window + 0x800, directory + 0x800, i);
            if (i % 2 == 1)
                machine.Write(Gva + ((1 + (i / 2)) << 12));
        }

        Assert.Equal(0, machine.Stats.MmuFlooded);
    }

    [Fact]
    public void A_frame_pushed_onto_a_page_that_was_a_table_unprotects_it()
    {
        var machine = WithWindow(PagingMode.Level4, out var directory);
        machine.Write(Window + 0x800, AccessFlags.Implicit);
        Assert.Equal([$"zap {directory >> 12:x} l2"], machine.PageLines());
        Assert.Equal(0xe63UL, machine.Flags(Window));
        Assert.Equal(0, machine.Stats.MmuPteWrite);
        machine.Audit();
    }

    /// <summary><see cref="Gva"/> is shadowed, and the page directory of it can be written at <see cref="Window"/>.</summary>
    private static ShadowMachine WithWindow(PagingMode paging, out ulong directory)
    {
        var machine = new ShadowMachine(paging);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Guest.Map(Gva + 0x20_0000, 0x6000 | P | W);
        directory = machine.Guest.EntryAddress(Gva, 2) & ~0xfffUL;
        machine.Guest.Map(Window, directory | P | W);
        machine.Enter().Write(Gva);
        machine.Read(Window);
        return machine.Fresh();
    }
}
