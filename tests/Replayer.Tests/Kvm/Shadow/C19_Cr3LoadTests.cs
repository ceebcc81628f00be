using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C19: CR3 loads, and the three roots that are kept for a switch back.</summary>
public sealed class C19_Cr3LoadTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void The_same_CR3_again_keeps_the_root()
    {
        var machine = WithRoots();
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.Empty(machine.Log.Roots);
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Current);
    }

    [Fact]
    public void The_last_three_roots_are_kept_and_found_again_without_a_lookup()
    {
        var machine = WithRoots();
        var roots = new[] { machine.Guest.Root, 0x20_0000UL, 0x20_1000UL, 0x20_2000UL };
        foreach (var root in roots[1..])
            machine.Cpu.Instructions.WriteCr3(root);
        Assert.Equal([roots[2], roots[1], roots[0]], machine.Vcpu.Mmu.PreviousRoots.ToArray().Select(root => root.Pgd));

        machine.Fresh().Cpu.Instructions.WriteCr3(roots[0]);
        Assert.Equal([RootOperation.Cache, RootOperation.FastSwitch, RootOperation.Load], machine.Log.Roots.Select(root => root.Operation));
        Assert.Empty(machine.PageLines());
        Assert.Equal([roots[3], roots[2], roots[1]], machine.Vcpu.Mmu.PreviousRoots.ToArray().Select(root => root.Pgd));
    }

    [Fact]
    public void The_fourth_is_freed_and_its_shadow_page_stays_in_the_cache()
    {
        var machine = WithRoots();
        foreach (var root in new[] { 0x20_0000UL, 0x20_1000UL, 0x20_2000UL })
            machine.Cpu.Instructions.WriteCr3(root);
        machine.Fresh().Cpu.Instructions.WriteCr3(0x20_3000);
        Assert.Contains(machine.Log.Roots, root => root.Operation == RootOperation.Free);
        Assert.Equal(0, machine.PageOf(ShadowMachine.RootGfn).RootCount);

        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Guest.Root);
        Assert.Equal(["find 100 l4"], machine.PageLines());
        machine.Audit();
    }

    [Fact]
    public void A_switch_and_back_needs_no_fault_for_what_is_shadowed()
    {
        var machine = WithRoots();
        machine.Cpu.Instructions.WriteCr3(0x20_0000);
        machine.Cpu.Instructions.WriteCr3(machine.Guest.Root);
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Write(Gva));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void PAE_roots_are_not_kept()
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Guest.Memory.SetPage(0x200, []);
        machine.Enter().Write(Gva);
        machine.Fresh().Cpu.Instructions.WriteCr3(0x20_0000);
        Assert.Contains(machine.Log.Roots, root => root.Operation == RootOperation.Free);
        Assert.All(machine.Vcpu.Mmu.PreviousRoots.ToArray(), root => Assert.False(root.IsValid));

        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Guest.Root);
        Assert.Equal(["find 101 l2"], machine.PageLines());
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Write(Gva));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void PDPTEs_that_the_recording_does_not_have_are_noted_by_the_page_of_CR3()
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Fresh().Cpu.Instructions.WriteCr3(0x30_0020);
        var notes = machine.Log.Notes.Where(note => note.Kind == ModelNote.UnknownTableContent).ToList();
        Assert.NotEmpty(notes);
        Assert.All(notes, note => Assert.Equal(0x300UL, note.Recorded));
    }

    [Fact]
    public void A_PAE_guest_that_changed_its_PDPTEs_gets_new_roots_with_the_same_CR3()
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter();
        machine.Guest.Memory.SetPage(0x200, []);
        machine.Guest.Memory.Store(machine.Guest.Root + 8, 0x20_0000 | P, 8);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.Equal(["find 101 l2", "create 200 l2"], machine.PageLines());
    }

    [Fact]
    public void With_PCIDs_bit_63_keeps_what_is_cached_and_nothing_is_synced()
    {
        var machine = WithRoots(pcid: 1);
        MakeUnsync(machine);
        machine.Cpu.Instructions.WriteCr3(0x20_0000 | 2);
        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Guest.Root | 1 | ControlBits.Cr3NoFlush);
        Assert.Equal(machine.Guest.Root | 1, machine.Registers.Cr3);
        Assert.Empty(machine.PageLines());
        Assert.Empty(machine.Log.Flushes);
        Assert.True(machine.PageOf(0x103).Unsync);

        machine.Fresh().Cpu.Instructions.WriteCr3(machine.Guest.Root | 1);
        Assert.Contains("sync 103 l1", machine.PageLines());
    }

    [Fact]
    public void With_PCIDs_a_load_that_flushes_frees_the_previous_roots_of_that_PCID()
    {
        var machine = WithRoots(pcid: 1);
        machine.Cpu.Instructions.WriteCr3(0x20_0000 | 2);
        machine.Cpu.Instructions.WriteCr3(0x20_1000 | 3);
        machine.Fresh().Cpu.Instructions.WriteCr3(0x20_2000 | 2);
        Assert.Equal([true, false, true], machine.Vcpu.Mmu.PreviousRoots.ToArray().Select(root => root.IsValid));
        Assert.Contains(machine.Log.Roots, root => root.Operation == RootOperation.Free);
    }

    private static void MakeUnsync(ShadowMachine machine)
    {
        machine.Guest.Map(0x60_0000, 0x10_3000 | P | W);
        machine.Store(0x60_0000, 0x10_3000, 0x6000 | P | W | A | D);
        Assert.True(machine.PageOf(0x103).Unsync);
    }

    /// <summary>Four further, empty trees wait at gfn 200 and behind it.</summary>
    private static ShadowMachine WithRoots(ulong? pcid = null)
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        for (var gfn = 0x200UL; gfn < 0x204; gfn++)
            machine.Guest.Memory.SetPage(gfn, []);
        if (pcid is { } value)
        {
            machine.Registers.Cr4 |= ControlBits.Cr4Pcide;
            machine.Registers.Cr3 |= value;
            machine.Vcpu.RegistersSet();
        }

        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        return machine.Fresh();
    }
}
