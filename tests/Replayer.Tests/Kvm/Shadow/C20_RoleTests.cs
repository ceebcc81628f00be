using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C20: control-register bits that shadow pages depend on are part of their role.</summary>
public sealed class C20_RoleTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void Clearing_WP_needs_other_pages_and_setting_it_again_finds_the_first()
    {
        var machine = Mapped();
        var first = machine.Root;
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~ControlBits.Cr0Wp);
        Assert.Equal(["create 100 l4"], machine.PageLines());
        Assert.NotSame(first, machine.Root);
        Assert.False(machine.Root.Role.Cr0Wp);

        machine.Fresh().Cpu.Instructions.WriteCr0(machine.Registers.Cr0 | ControlBits.Cr0Wp);
        Assert.Equal(["find 100 l4"], machine.PageLines());
        Assert.Same(first, machine.Root);
        machine.Audit();
    }

    /// <summary>union kvm_mmu_extended_role, bit by bit.</summary>
    [Fact]
    public void What_no_page_s_role_holds_is_packed_as_KVM_packs_it()
    {
        var none = new CpuRole(default, Valid: false, Cr4Pse: false, Cr4Pke: false, Cr4Smap: false, Cr4Smep: false, Cr4La57: false, EferLma: false);
        CpuRole[] roles =
        [
            none with { Valid = true }, none with { ExecuteOnly = true }, none with { Cr4Pse = true }, none with { Cr4Pke = true },
            none with { Cr4Smap = true }, none with { Cr4Smep = true }, none with { Cr4La57 = true }, none with { EferLma = true },
        ];
        Assert.Equal(0U, none.ExtendedWord);
        Assert.Equal([1U, 2U, 4U, 8U, 0x10U, 0x20U, 0x40U, 0x80U], roles.Select(role => role.ExtendedWord));
        Assert.Equal(0xffU, new CpuRole(default, true, true, true, true, true, true, true) { ExecuteOnly = true }.ExtendedWord);
    }

    [Fact]
    public void With_two_dimensional_paging_WP_changes_nothing()
    {
        var machine = new DirectMachine(HostProfiles.Intel);
        var root = machine.Root;
        machine.Fresh().WriteCr(0, 0x8001_0011);
        machine.WriteCr(0, 0x8000_0011);
        Assert.Same(root, machine.Root);
    }

    [Theory]
    [InlineData(ControlBits.Cr4Smep, PageRole.SmepAndNotWpMask)]
    [InlineData(ControlBits.Cr4Smap, PageRole.SmapAndNotWpMask)]
    public void SMEP_and_SMAP_are_in_the_role_only_while_WP_is_clear(ulong bit, uint roleBit)
    {
        var machine = Mapped();
        machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4 | bit);
        Assert.Equal(0U, machine.Root.Role.Word & roleBit);
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~ControlBits.Cr0Wp);
        Assert.Equal(roleBit, machine.Root.Role.Word & roleBit);
    }

    /// <summary>The guest's error code tells of no fetch then; the exit's does, since the CPU has NX on.</summary>
    [Fact]
    public void A_fetch_that_faults_while_the_guest_has_no_NX_exits_as_a_fetch_and_is_injected_as_none()
    {
        const ulong unmapped = 0x7000_0000;
        var machine = Mapped();
        machine.Cpu.Instructions.WriteEfer(machine.Registers.Efer & ~ControlBits.EferNxe);
        machine.Fresh().Journal.Rip = unmapped;
        machine.Cpu.Fault(unmapped, 0, AccessFlags.None);
        Assert.Equal(Pferr.Fetch, machine.Log.Exits[^1].Info1);
        Assert.Equal((unmapped, 0U), (machine.Log.GuestFaults.Single().Gva, machine.Log.GuestFaults.Single().ErrorCode));

        machine.Fresh().Journal.Rip = Gva;
        machine.Cpu.Fault(unmapped, 0, AccessFlags.None);
        Assert.Equal(0UL, machine.Log.Exits[^1].Info1);
    }

    [Fact]
    public void Shadow_pages_can_always_forbid_execution_so_NXE_needs_no_other_pages()
    {
        var machine = Mapped();
        machine.Cpu.Instructions.WriteEfer(machine.Registers.Efer & ~ControlBits.EferNxe);
        Assert.False(machine.Vcpu.Mmu.CpuRole.Base.EferNx);
        Assert.True(machine.Root.Role.EferNx);
        Assert.Equal(["find 100 l4"], machine.PageLines());
    }

    [Fact]
    public void Without_NXE_the_no_execute_bit_of_a_guest_entry_is_reserved()
    {
        var machine = Mapped();
        machine.Cpu.Instructions.WriteEfer(machine.Registers.Efer & ~ControlBits.EferNxe);
        machine.Guest.Map(Gva + 0x1000, 0x6000 | P | W | NX);
        machine.Read(Gva + 0x1000);
        Assert.Equal(9U, machine.Vcpu.InjectedErrorCode);
    }

    [Fact]
    public void A_toggle_of_global_pages_is_a_flush_of_the_guest_and_syncs()
    {
        var machine = Mapped();
        machine.Guest.Map(0x60_0000, 0x10_3000 | P | W);
        machine.Store(0x60_0000, 0x10_3000, 0x6000 | P | W);
        machine.Fresh().Cpu.Instructions.WriteCr4(machine.Registers.Cr4 | ControlBits.Cr4Pge);
        Assert.Equal(["sync 103 l1"], machine.PageLines());
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Guest);
        Assert.Empty(machine.Log.Roots);
    }

    [Fact]
    public void Switching_PCIDs_on_drops_all_roots_and_switching_them_off_flushes()
    {
        var machine = Mapped();
        machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4 | ControlBits.Cr4Pcide);
        Assert.Equal([RootOperation.Free, RootOperation.Allocate, RootOperation.Load], machine.Log.Roots.Select(root => root.Operation));
        machine.Fresh().Cpu.Instructions.WriteCr4(machine.Registers.Cr4 & ~ControlBits.Cr4Pcide);
        Assert.Empty(machine.Log.Roots);
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.Guest);
    }

    [Fact]
    public void Pages_of_an_earlier_role_still_follow_the_guests_writes()
    {
        var machine = Mapped();
        var first = machine.PageOf(0x102);
        machine.Guest.Map(0x8000_0000, 0x10_2000 | P | W);
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 & ~ControlBits.Cr0Wp);
        machine.Write(Gva);
        Assert.Equal(2, machine.PagesOf(0x102).Count);
        machine.Store(0x8000_0010, 0x10_2010, 0);
        Assert.Equal(0UL, first[2].Raw);
        Assert.Equal(0UL, machine.PagesOf(0x102).Single(page => page != first)[2].Raw);
        machine.Audit();
    }

    private static ShadowMachine Mapped()
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        return machine.Fresh();
    }
}
