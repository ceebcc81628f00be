using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A16: with two-dimensional paging CR3 loads and INVLPG are the guest's own affair.</summary>
public sealed class A16_NoExitTests
{
    [Theory]
    [InlineData("intel")]
    [InlineData("amd")]
    public void Only_EFER_writes_and_some_bits_of_CR0_and_CR4_exit(string profile) =>
        Assert.Equal(Intercepts.EferWrite, new DirectMachine(HostProfiles.Find(profile)).Vcpu.Intercepts);

    [Fact]
    public void A_restricted_guest_that_has_paging_off_exits_on_CR3_loads_which_drop_nothing()
    {
        var machine = new DirectMachine(HostProfiles.Intel with { UnrestrictedGuest = false });
        Assert.Equal(Intercepts.EferWrite | Intercepts.Cr3Write, machine.Vcpu.Intercepts);
        machine.Read(0x5000);
        var root = machine.Root;
        Assert.Equal(ExitResult.Emulated, machine.Fresh().WriteCr(3, 0x200000));
        Assert.Same(root, machine.Root);
        Assert.Empty(machine.Log.Writes);
        Assert.Equal(0x200000UL, machine.Vcpu.Registers.Cr3);
        machine.WriteCr(0, 0x80000011);
        Assert.Equal(Intercepts.EferWrite, machine.Vcpu.Intercepts);
    }

    [Fact]
    public void On_Intel_WP_and_TS_of_CR0_and_PGE_of_CR4_do_not_exit()
    {
        var vcpu = new DirectMachine().Vcpu;
        Assert.Equal(0UL, vcpu.Cr0InterceptMask & 0x10008);
        Assert.Equal(0x80000000UL, vcpu.Cr0InterceptMask & 0x80000000);
        Assert.Equal(0UL, vcpu.Cr4InterceptMask & 0x80);
        Assert.Equal(0x20UL, vcpu.Cr4InterceptMask & 0x20);
    }

    [Fact]
    public void On_AMD_every_CR4_write_exits_and_every_CR0_write_while_caching_is_off()
    {
        var vcpu = new DirectMachine(HostProfiles.Amd).Vcpu;
        Assert.Equal(ulong.MaxValue, vcpu.Cr4InterceptMask);
        Assert.Equal(0UL, vcpu.Cr0InterceptMask & 0xa);
        vcpu.Registers.Cr0 |= 1UL << 30;
        Assert.Equal(ulong.MaxValue, vcpu.Cr0InterceptMask);
    }
}
