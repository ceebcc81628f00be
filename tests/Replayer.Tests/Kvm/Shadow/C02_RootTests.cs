using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C2: the roots that a CR3 needs.</summary>
public sealed class C02_RootTests
{
    [Fact]
    public void A_guest_of_four_levels_has_one_root_that_shadows_the_table_in_CR3()
    {
        var machine = new ShadowMachine().Enter();
        Assert.Equal(["create 100 l4"], machine.PageLines());
        Assert.Equal((ShadowMachine.RootGfn, 4, false, 1), (machine.Root.Gfn, machine.Root.Role.Level, machine.Root.Role.Direct, machine.Root.RootCount));
        Assert.Equal([RootOperation.Allocate, RootOperation.Load], machine.Log.Roots.Select(root => root.Operation));
        Assert.Equal(machine.Registers.Cr3, machine.Vcpu.Mmu.Root.Pgd);
    }

    [Fact]
    public void A_PAE_guest_has_a_root_to_each_PDPTE_that_is_present()
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Map(0x0000_0000, 0x5000 | P | W).Map(0xc000_0000, 0x6000 | P | W);
        machine.Enter();
        var gfns = new[] { machine.Registers.Pdptes[0] >> 12, machine.Registers.Pdptes[3] >> 12 };
        Assert.Equal(gfns.Select(gfn => $"create {gfn:x} l2"), machine.PageLines());
        var paeRoot = machine.Vcpu.Mmu.PaeRoot!;
        Assert.Equal([true, false, false, true], Enumerable.Range(0, 4).Select(i => paeRoot[i].Raw != 0));
        Assert.Equal(1UL, paeRoot[0].Raw & ~Spte.BaseAddressMask);
        Assert.Same(paeRoot, machine.Vcpu.Root.Table);
        Assert.Equal(3, machine.Vcpu.Root.Level);
    }

    [Fact]
    public void A_32_bit_guest_has_four_roots_for_the_quarters_of_its_page_directory()
    {
        var machine = new ShadowMachine(PagingMode.Bits32).Enter();
        Assert.Equal(Enumerable.Repeat("create 100 l2", 4), machine.PageLines());
        var roles = machine.Log.Created.Select(page => new PageRole(page.Role)).ToList();
        Assert.Equal([0, 1, 2, 3], roles.Select(role => role.Quadrant));
        Assert.All(roles, role => Assert.True(role.Has4ByteGpte));
    }

    [Theory]
    [InlineData(PagingMode.Level4)]
    [InlineData(PagingMode.Bits32)]
    public void A_CR3_where_no_memory_is_shuts_the_guest_down(PagingMode paging)
    {
        var machine = new ShadowMachine(paging);
        machine.Guest.Map(0x40_0000, 0x5000 | P | W);
        machine.Enter();
        machine.Cpu.Instructions.WriteCr3(ShadowMachine.MemoryPages << 12);
        Assert.True(machine.Vcpu.IsShutDown);
        Assert.Contains(machine.Log.Notes, note => note.Kind == ModelNote.TripleFault);
        Assert.Equal(AccessOutcome.Shutdown, machine.Read(0x40_0000));
        machine.Audit();
    }

    [Fact]
    public void A_PDPTE_where_no_memory_is_shuts_the_guest_down_if_it_is_present()
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Memory.Store(machine.Guest.Root + 8, ShadowMachine.MemoryPages << 12, 8);
        machine.Guest.LoadPdptes();
        Assert.False(machine.Enter().Vcpu.IsShutDown);

        machine.Guest.Memory.Store(machine.Guest.Root + 8, ShadowMachine.MemoryPages << 12 | P, 8);
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.True(machine.Vcpu.IsShutDown);
    }

    /// <summary>KVM refuses to load such a PDPTE, and QEMU's CPU does not look: the recorded guest goes on with it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(52)]
    [InlineData(62)]
    [InlineData(63)]
    public void A_PDPTE_with_a_reserved_bit_that_the_recorded_CPU_took_has_a_root_to_its_frame(int bit)
    {
        var machine = new ShadowMachine(PagingMode.Pae);
        machine.Guest.Map(0x40_0000, 0x5000 | P | W);
        machine.Enter();
        Assert.True(machine.Guest.Memory.TryRead64(machine.Guest.Root, out var pdpte));
        machine.Guest.Memory.Store(machine.Guest.Root, pdpte | (1UL << bit), 8);
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        Assert.Equal(AccessOutcome.Completed, machine.Write(0x40_0000));
        Assert.Equal(1UL, machine.Vcpu.Mmu.PaeRoot![0].Raw & ~Spte.BaseAddressMask);
        machine.Audit();
    }

    [Fact]
    public void A_guest_that_was_shut_down_runs_again_when_its_registers_are_set()
    {
        var machine = new ShadowMachine().Enter();
        machine.Guest.Map(0x40_0000, 0x5000 | P | W);
        machine.Cpu.Instructions.WriteCr3(ShadowMachine.MemoryPages << 12);
        machine.Registers.Cr3 = machine.Guest.Root;
        machine.Vcpu.RegistersSet();
        Assert.Equal(AccessOutcome.Completed, machine.Read(0x40_0000));
    }

    [Fact]
    public void The_CPU_gets_the_root_with_nothing_of_the_guests_CR3_in_it()
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Registers.Cr3 |= 0x18;
        machine.Enter();
        Assert.Equal(machine.Root.Pfn << 12, machine.Vcpu.Root.Register);
    }
}
