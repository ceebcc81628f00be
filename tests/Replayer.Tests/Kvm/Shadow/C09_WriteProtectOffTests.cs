using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C9: CR0.WP clear, while the CPU itself runs with it set.</summary>
public sealed class C09_WriteProtectOffTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void A_supervisors_write_to_a_read_only_user_page_maps_it_for_the_supervisor()
    {
        var machine = WithoutWp();
        Assert.Equal(AccessOutcome.Completed, machine.Write(Gva));
        Assert.Equal(0xe63UL, machine.Flags(Gva));
        Assert.Equal(A | D, machine.Guest.Entry(Gva) & (A | D));
    }

    [Fact]
    public void A_users_read_then_maps_it_read_only_for_the_user_again()
    {
        var machine = WithoutWp();
        machine.Write(Gva);
        Assert.Equal(AccessOutcome.Completed, machine.Read(Gva, AccessFlags.User));
        Assert.Equal(0xa25UL, machine.Flags(Gva) & ~0x40UL);
        Assert.Equal(AccessOutcome.InjectedPageFault, machine.Write(Gva, AccessFlags.User));
        Assert.Equal(7U, machine.Vcpu.InjectedErrorCode);
    }

    [Fact]
    public void With_SMEP_the_supervisors_mapping_cannot_be_executed()
    {
        var machine = WithoutWp(ControlBits.Cr4Smep);
        machine.Write(Gva);
        Assert.Equal(NX | 0xe63, machine.Flags(Gva));
    }

    [Fact]
    public void With_WP_set_the_guest_gets_a_fault()
    {
        var machine = WithoutWp();
        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0 | ControlBits.Cr0Wp);
        Assert.Equal(AccessOutcome.InjectedPageFault, machine.Write(Gva));
        Assert.Equal(3U, machine.Vcpu.InjectedErrorCode);
    }

    private static ShadowMachine WithoutWp(ulong cr4 = 0)
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Guest.Map(Gva, 0x5000 | P | U);
        machine.Registers.Cr0 &= ~ControlBits.Cr0Wp;
        machine.Registers.Cr4 |= cr4;
        machine.Vcpu.RegistersSet();
        return machine.Enter();
    }
}
