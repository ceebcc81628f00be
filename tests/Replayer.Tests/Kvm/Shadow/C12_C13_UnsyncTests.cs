using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C12 and C13: a guest may write its page tables without exits until it flushes its TLB.</summary>
public sealed class C12_C13_UnsyncTests
{
    private const ulong Gva = 0x40_0000;
    private const ulong PageTable = 0x10_3000;
    private const ulong Window = 0x60_0000;

    /// <summary><see cref="Gva"/> is shadowed; its page table, gfn 103, can be written at <see cref="Window"/>, and so can the page directory at the page behind it.</summary>
    private static ShadowMachine WithWindow(string profile = "amd")
    {
        var machine = new ShadowMachine(profile: HostProfiles.Find(profile));
        machine.Guest.Map(Gva, 0x5000 | P | W).Map(Gva + 0x1000, 0x7000 | P | W);
        machine.Guest.Map(Window, PageTable | P | W).Map(Window + 0x1000, 0x10_2000 | P | W);
        machine.Enter().Write(Gva);
        machine.Write(Gva + 0x1000);
        return machine.Fresh();
    }

    [Fact]
    public void The_first_write_makes_the_page_unsync_and_the_next_ones_are_free()
    {
        var machine = WithWindow();
        Assert.Equal(AccessOutcome.Completed, machine.Store(Window + 0x100, PageTable + 0x100, 0));
        Assert.Contains("unsync 103 l1", machine.PageLines());
        Assert.Equal(0xe63UL, machine.Flags(Window));
        Assert.Equal(1, machine.Stats.MmuUnsync);
        machine.Audit();

        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Store(Window + 0x108, PageTable + 0x108, 0));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void Parents_up_to_the_root_know_that_something_below_is_unsync()
    {
        var machine = WithWindow();
        machine.Store(Window + 0x100, PageTable + 0x100, 0);
        foreach (var gfn in new[] { 0x100UL, 0x101UL, 0x102UL })
        {
            Assert.Equal(1, machine.PageOf(gfn).UnsyncChildren);
            Assert.False(machine.PageOf(gfn).Unsync);
        }

        Assert.Equal(1UL << 2, machine.PageOf(0x102).UnsyncChildBitmap![0]);
    }

    [Fact]
    public void An_upper_table_never_becomes_unsync()
    {
        var machine = WithWindow();
        Assert.Equal(AccessOutcome.Emulated, machine.Store(Window + 0x1ff8, 0x10_2ff8, 0));
        Assert.DoesNotContain(machine.PageLines(), line => line.StartsWith("unsync", StringComparison.Ordinal));
        Assert.Equal(0x801UL, machine.Flags(Window + 0x1000) & 0x803);
    }

    [Theory]
    [InlineData("intel")]
    [InlineData("amd")]
    public void A_CR3_load_syncs_what_was_written(string profile)
    {
        var machine = WithWindow(profile);
        machine.Store(Window, PageTable, 0x6000 | P | W | A | D);
        machine.Store(Window + 8, PageTable + 8, 0);
        Assert.Equal(machine.FrameOf(5), machine.Last(Gva).Value.Pfn);

        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.Equal(["sync 103 l1"], machine.PageLines());
        Assert.Equal(0UL, machine.Last(Gva).Value.Raw);
        Assert.Equal(0UL, machine.Last(Gva + 0x1000).Value.Raw);
        Assert.False(machine.PageOf(0x103).Unsync);
        Assert.Equal(0, machine.PageOf(0x100).UnsyncChildren);
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Remote);
        machine.Audit();

        machine.Write(Gva);
        Assert.Equal(machine.FrameOf(6), machine.Last(Gva).Value.Pfn);
    }

    [Fact]
    public void The_page_is_write_protected_before_it_is_synced()
    {
        var machine = WithWindow();
        machine.Store(Window, PageTable, 0x6000 | P | W | A | D);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.Equal("spte_write_protect L1[0] e63 -> a61", machine.WriteLines().First());
        Assert.Equal(AccessOutcome.Completed, machine.Store(Window, PageTable, 0x5000 | P | W));
        Assert.Contains("unsync 103 l1", machine.PageLines());
    }

    [Fact]
    public void Write_protecting_a_page_is_flushed_before_it_is_synced()
    {
        var machine = WithWindow();
        machine.Store(Window, PageTable, 0x5000 | P | W | A | D);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        var writes = machine.Log.Writes.Where(write => write.Actor == Actor.Kvm).ToList();
        Assert.Equal(KvmFunction.SpteWriteProtect, writes[0].Function);
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Remote && flush.Seq > writes[0].Seq && flush.Seq < writes[1].Seq);
    }

    [Theory]
    [InlineData("made again without A and D when other bits changed", 0x5000 | P | W | A | D | 1UL << 9, 0xe03UL)]
    [InlineData("made again read-only when W went", 0x5000 | P | A | D, 0xa01UL)]
    [InlineData("made again read-only when D went", 0x5000 | P | W | A, 0xa01UL)]
    [InlineData("dropped when the frame changed", 0x6000 | P | W | A | D, 0UL)]
    [InlineData("dropped when it was never used", 0x5000 | P | W, 0UL)]
    [InlineData("dropped when it is not present", 0, 0UL)]
    public void An_entry_is(string what, ulong gpte, ulong flags)
    {
        var machine = WithWindow();
        machine.Store(Window, PageTable, gpte);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        var write = Assert.Single(machine.Log.Writes, write => write.TableId == machine.PageOf(0x103).Id && write.Index == 0);
        Assert.True(flags == (write.New & ~Spte.BaseAddressMask), what);
    }

    [Fact]
    public void A_new_entry_above_an_unsync_page_has_it_synced_first()
    {
        var machine = WithWindow();
        machine.Store(Window, PageTable, 0x6000 | P | W | A | D);
        machine.Guest.Memory.Store(machine.Guest.Root + 8, 0x10_1000 | P | W | U, 8);
        machine.Fresh().Read(0x80_0000_0000 + Gva);
        Assert.Equal(["find 101 l3", "sync 103 l1"], machine.PageLines());
        Assert.Equal(machine.FrameOf(6), machine.Last(Gva).Value.Pfn);
        machine.Audit();
    }

    [Fact]
    public void A_flush_of_the_whole_guest_syncs_and_drops_previous_roots_with_unsync_pages()
    {
        var machine = WithWindow("intel");
        machine.Guest.Memory.SetPage(0x200, []);
        var first = machine.Registers.Cr3;
        machine.Store(Window, PageTable, 0x6000 | P | W | A | D);
        machine.Cpu.Instructions.WriteCr3(0x20_0000);
        Assert.Equal(first, machine.Vcpu.Mmu.PreviousRoots[0].Pgd);
        machine.Fresh().Cpu.Instructions.Invpcid(2, 0, 0);
        Assert.Equal([RootOperation.Free], machine.Log.Roots.Select(root => root.Operation));
        Assert.False(machine.Vcpu.Mmu.PreviousRoots[0].IsValid);
    }

    [Fact]
    public void Tables_that_are_synced_may_not_become_unsync_meanwhile()
    {
        // The page table maps itself: syncing its own entry asks whether gfn 103 may be written.
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, PageTable | P | W).Map(Gva + 0x1000, 0x7000 | P | W);
        machine.Enter().Write(Gva + 0x1000);
        Assert.Equal(AccessOutcome.Completed, machine.Store(Gva + 0x10, PageTable + 0x10, 0x8000 | P | W));
        Assert.True(machine.PageOf(0x103).Unsync);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.False(machine.PageOf(0x103).Unsync);
        Assert.Equal(0x801UL, machine.Flags(Gva) & 0x803);
        machine.Audit();
    }
}
