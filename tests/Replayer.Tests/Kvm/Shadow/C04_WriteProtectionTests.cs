using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C4: a guest table that gets a shadow page can no longer be written unseen.</summary>
public sealed class C04_WriteProtectionTests
{
    private const ulong Window = 0x40_0000;
    private const ulong New = 0x80_0000_0000;

    /// <summary>The guest has a PDPT at gfn 0x300 ready, which no root entry names yet, and it can be written at <see cref="Window"/>.</summary>
    private static ShadowMachine WithSpareTable(int level)
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Window, 0x30_0000 | P | W);
        for (var gfn = 0x300UL; gfn < 0x303; gfn++)
            machine.Guest.Memory.SetPage(gfn, []);
        machine.Enter().Write(Window);
        Assert.Equal(0xe63UL, machine.Flags(Window));

        // level 3: the window's page is the PDPT, level 1: it is the page table.
        var tables = level == 3 ? new[] { 0x300UL, 0x301UL, 0x302UL } : [0x301UL, 0x302UL, 0x300UL];
        machine.Guest.Memory.Store(machine.Guest.Root + 8, tables[0] << 12 | P | W, 8);
        machine.Guest.Memory.Store(tables[0] << 12, tables[1] << 12 | P | W, 8);
        machine.Guest.Memory.Store(tables[1] << 12, tables[2] << 12 | P | W, 8);
        machine.Guest.Memory.Store(tables[2] << 12, 0x5000 | P | W, 8);
        return machine;
    }

    [Theory]
    [InlineData(3, true)]
    [InlineData(1, false)]
    public void Every_mapping_of_a_table_loses_W_and_tables_above_the_last_level_are_tracked(int level, bool tracked)
    {
        var machine = WithSpareTable(level);
        machine.Fresh().Read(New);
        Assert.Equal("spte_write_protect L1[0] e63 -> a61", machine.WriteLines().First(line => line.Contains("protect", StringComparison.Ordinal)));
        Assert.Equal(tracked, machine.Slot.Rmaps.IsWriteTracked(0x300));
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind is FlushKind.Remote or FlushKind.RemoteRange);
        machine.Audit();
    }

    /// <summary>A dirty log leaves the bit by which a fast page fault gives W back; a table must not get it back so.</summary>
    [Fact]
    public void What_a_dirty_log_had_protected_is_protected_for_shadowing_too()
    {
        var machine = WithSpareTable(1);
        machine.Vm.HostEvents.DirtyLogOn(0);
        machine.Vm.HostEvents.DirtyLogGet(0);
        Assert.Equal(0UL, machine.Flags(Window) & Spte.WritableMask);
        Assert.NotEqual(0UL, machine.Flags(Window) & machine.Vm.Format.MmuWritableMask);
        machine.Enter().Fresh().Read(New);
        Assert.Equal(0UL, machine.Flags(Window) & machine.Vm.Format.MmuWritableMask);
        Assert.Contains(machine.Log.Writes, write => write.Function == KvmFunction.SpteWriteProtect);
    }

    [Fact]
    public void A_write_to_a_tracked_table_is_emulated_and_done_by_KVM()
    {
        var machine = WithSpareTable(3);
        machine.Read(New);
        Assert.Equal(AccessOutcome.Emulated, machine.Fresh().Store(Window + 0xff8, 0x30_0ff8, 0x1234000));
        Assert.True(machine.Guest.Memory.TryRead64(0x30_0ff8, out var written));
        Assert.Equal(0x1234000UL, written);
        Assert.Equal(RetPf.Emulate, machine.Log.Faults.Single().Outcome);
        Assert.Equal(1, machine.Stats.MmuPteWrite);
    }

    [Fact]
    public void A_write_to_a_page_table_makes_it_unsync_instead()
    {
        var machine = WithSpareTable(1);
        machine.Read(New);
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Store(Window + 0xff8, 0x30_0ff8, 0));
        Assert.Equal(["unsync 300 l1"], machine.PageLines());
        Assert.Equal(0xe63UL, machine.Flags(Window));
        Assert.Equal(0, machine.Stats.MmuPteWrite);
    }

    [Fact]
    public void A_shadowed_table_forbids_huge_pages_over_it_until_it_is_no_longer_shadowed()
    {
        var machine = WithSpareTable(3);
        Assert.Equal(0, machine.Slot.LargePages.DisallowCount(0x300, 2));
        machine.Read(New);
        Assert.Equal(3, machine.Slot.LargePages.DisallowCount(0x300, 2));
        machine.Vm.ShadowMmu.TableWrites.Unprotect(0x300);
        Assert.False(machine.Slot.Rmaps.IsWriteTracked(0x300));
        Assert.Equal(2, machine.Slot.LargePages.DisallowCount(0x300, 2));
        machine.Audit();
    }
}
