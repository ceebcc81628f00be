using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A1: which roles and handler a vCPU has.</summary>
public sealed class A01_ContextTests
{
    [Fact]
    public void The_role_of_direct_roots_does_not_depend_on_the_guests_paging()
    {
        var machine = new DirectMachine();
        Assert.Equal(0x3784u, machine.Vcpu.Mmu.RootRole.Word);
        Assert.Equal(KvmFunction.KvmTdpPageFault, machine.Vcpu.Mmu.PageFaultHandler);
        EnterLongMode(machine);
        Assert.Equal(0x3784u, machine.Vcpu.Mmu.RootRole.Word);
        Assert.Equal(4, machine.Vcpu.Mmu.CpuRole.Base.Level);
    }

    [Fact]
    public void Without_accessed_and_dirty_bits_the_role_says_so() =>
        Assert.Equal(0x13784u, new DirectMachine(HostProfiles.IntelBochsNoAd).Vcpu.Mmu.RootRole.Word);

    [Theory]
    [InlineData(0x11UL, 0UL, 0UL, 0)]
    [InlineData(0x80000011UL, 0x10UL, 0UL, 2)]
    [InlineData(0x80000011UL, 0x20UL, 0UL, 3)]
    [InlineData(0x80000011UL, 0x20UL, 0x500UL, 4)]
    [InlineData(0x80000011UL, 0x1020UL, 0x500UL, 5)]
    public void The_level_of_the_cpu_role_follows_the_guests_paging_mode(ulong cr0, ulong cr4, ulong efer, int level)
    {
        var role = CpuRole.Of(new ControlRegisters { Cr0 = cr0, Cr4 = cr4, Efer = efer });
        Assert.Equal(level, role.Base.Level);
        Assert.Equal(level == 0, role.Base.Direct);
        Assert.Equal(level == 2, role.Base.Has4ByteGpte);
    }

    [Fact]
    public void A_change_of_role_bits_drops_the_root_and_the_next_entry_finds_it_again()
    {
        var machine = new DirectMachine().Fresh();
        machine.WriteCr(4, ControlBits.Cr4Pae);
        Assert.Equal([RootOperation.Free, RootOperation.Allocate, RootOperation.Load], machine.Log.Roots.Select(root => root.Operation));
        Assert.Equal([PageOperation.Find], machine.Log.Pages.Select(page => page.Operation));
        Assert.Empty(machine.Log.Writes);
    }

    [Fact]
    public void A_change_of_WP_alone_keeps_the_root()
    {
        var machine = new DirectMachine().Fresh();
        machine.WriteCr(0, 0x11 | ControlBits.Cr0Wp);
        Assert.Empty(machine.Log.Roots);
        Assert.Equal(0x10011UL, machine.Vcpu.Registers.Cr0);
    }

    [Fact]
    public void Switching_paging_on_activates_long_mode_where_EFER_asks_for_it()
    {
        var machine = new DirectMachine();
        EnterLongMode(machine);
        Assert.True(machine.Vcpu.Registers.LongMode);
        machine.WriteCr(0, 0x11);
        Assert.False(machine.Vcpu.Registers.LongMode);
    }

    private static void EnterLongMode(DirectMachine machine)
    {
        machine.WriteCr(4, ControlBits.Cr4Pae);
        machine.WriteEfer(ControlBits.EferLme | ControlBits.EferNxe);
        machine.WriteCr(0, 0x80010011);
    }
}
