using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C1: with shadow paging KVM must see everything that the guest does to its translations.</summary>
public sealed class C01_InterceptTests
{
    [Theory]
    [InlineData("intel")]
    [InlineData("amd")]
    public void Page_faults_CR3_loads_and_INVLPG_exit(string profile)
    {
        var machine = Mapped(profile);
        machine.Read(0x40_0000);
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        machine.Cpu.Instructions.Invlpg(0x40_0000);
        machine.Cpu.Instructions.Invpcid(0, 0, 0x40_0000);
        Assert.Equal([ExitReason.PageFault, ExitReason.Cr3Write, ExitReason.Invlpg, ExitReason.Invpcid], machine.ExitReasons());
    }

    [Theory]
    [InlineData("intel")]
    [InlineData("amd")]
    public void An_access_that_the_tables_allow_does_not_exit(string profile)
    {
        var machine = Mapped(profile);
        machine.Read(0x40_0000);
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Read(0x40_0ff8));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void A_change_of_the_global_page_bit_exits_only_with_shadow_paging()
    {
        Assert.NotEqual(0UL, new ShadowMachine(profile: HostProfiles.Intel).Vcpu.Cr4InterceptMask & ControlBits.Cr4Pge);
        Assert.Equal(0UL, new DirectMachine(HostProfiles.Intel).Vcpu.Cr4InterceptMask & ControlBits.Cr4Pge);
    }

    private static ShadowMachine Mapped(string profile)
    {
        var machine = new ShadowMachine(profile: HostProfiles.Find(profile));
        machine.Guest.Map(0x40_0000, 0x5000 | P | W);
        return machine.Enter();
    }
}
