using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class ShadowWalkTests
{
    private const ulong Gpa = 0x12_3000;
    private const ulong Gva = 0xc123_4000;
    private const ulong Hpa = Gpa + FakeHypervisor.HostOffset;

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Tables_of_three_to_five_levels_are_walked(int level)
    {
        var machine = Create();
        machine.Hypervisor.NewRoot(level);
        machine.Hypervisor.Map(Gva, 1, Hpa | P | W | U);

        machine.Touch(Gva, Gpa);

        Assert.Empty(machine.Hypervisor.Exits);
        Assert.Equal(0, machine.Verify.Differing);
        Assert.Equal(level, machine.Cpu.WalkReferences);
        Assert.Equal(level == 3 ? 2 : level, machine.History.HardwareWrites.Count());
    }

    [Fact]
    public void A_PDPTE_gets_no_accessed_bit_except_from_an_emulator()
    {
        var machine = new FakeMachine(MmuMode.Shadow, profile: HostProfiles.AmdTcg);
        machine.Hypervisor.NewRoot(3);
        machine.Hypervisor.Map(Gva, 1, Hpa | P | W | U);

        machine.Touch(Gva, Gpa);

        Assert.Equal([3, 2, 1], machine.History.HardwareWrites.Select(write => (int)write.Level));
    }

    [Theory]
    [InlineData(0UL, AccessKind.Read, AccessFlags.None, 0x0)]
    [InlineData(0UL, AccessKind.Write, AccessFlags.User, 0x6)]
    [InlineData(0UL, AccessKind.Fetch, AccessFlags.None, 0x10)]
    [InlineData(P, AccessKind.Write, AccessFlags.None, 0x3)]
    [InlineData(P | W, AccessKind.Read, AccessFlags.User, 0x5)]
    [InlineData(P | W | U | NX, AccessKind.Fetch, AccessFlags.User, 0x15)]
    [InlineData(P | 1UL << 51, AccessKind.Read, AccessFlags.None, 0x9)]
    public void A_fault_exits_with_the_error_code_of_the_shadow_entry(ulong leaf, AccessKind kind, AccessFlags flags, ulong code)
    {
        var machine = Create();
        machine.Hypervisor.Map(Gva, 1, leaf == 0 ? 0 : Hpa | leaf);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Touch(Gva, Gpa, kind, flags);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(ExitReason.PageFault, exit.Reason);
        Assert.Equal(code, exit.Info1);
        Assert.Equal(Gva, exit.Info2);
    }

    [Fact]
    public void CR0_WP_is_on_whatever_the_guest_has()
    {
        var machine = Create();
        machine.Registers.Cr0 &= ~ControlBits.Cr0Wp;
        machine.Hypervisor.Map(Gva, 1, Hpa | P | U);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Touch(Gva, Gpa, AccessKind.Write);

        Assert.Equal(3UL, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Fact]
    public void NX_is_on_whatever_the_guest_has()
    {
        var machine = Create();
        machine.Registers.Efer &= ~ControlBits.EferNxe;
        machine.Hypervisor.Map(Gva, 1, Hpa | P | U | NX);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Touch(Gva, Gpa, AccessKind.Fetch, AccessFlags.User);

        Assert.Equal(0x15UL, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Theory]
    [InlineData(ControlBits.Cr4Smep, AccessKind.Fetch, AccessFlags.None, true, 1)]
    [InlineData(ControlBits.Cr4Smep, AccessKind.Fetch, AccessFlags.None, false, 0)]
    [InlineData(ControlBits.Cr4Smap, AccessKind.Read, AccessFlags.None, true, 1)]
    [InlineData(ControlBits.Cr4Smap, AccessKind.Read, AccessFlags.AlignmentCheck, true, 0)]
    [InlineData(ControlBits.Cr4Smap, AccessKind.Read, AccessFlags.None, false, 0)]
    [InlineData(0UL, AccessKind.Read, AccessFlags.None, true, 0)]
    public void SMEP_and_SMAP_are_as_the_guest_has_them_while_its_paging_is_on(
        ulong cr4, AccessKind kind, AccessFlags flags, bool paging, int exits)
    {
        var machine = Create();
        machine.Registers.Cr4 |= cr4;
        if (!paging)
            machine.Registers.Cr0 &= ~ControlBits.Cr0Pg;
        machine.Hypervisor.Map(Gva, 1, Hpa | P | W | U);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Touch(Gva, Gpa, kind, flags);

        Assert.Equal(exits, machine.Hypervisor.Exits.Count);
    }

    [Fact]
    public void The_guests_tables_are_not_walked_by_the_CPU()
    {
        var machine = Create();
        machine.Guest.Map(Gva, Gpa | P | W | U);
        machine.Hypervisor.Map(Gva, 1, Hpa | P | W | U);

        machine.Touch(Gva, Gpa, AccessKind.Write);

        Assert.Equal(Gpa | P | W | U, machine.Guest.Entry(Gva));
    }

    [Fact]
    public void A_translation_to_another_frame_than_the_hosts_is_a_difference()
    {
        var machine = Create();
        machine.Hypervisor.Map(Gva, 1, Hpa + 0x1000 | P | W | U);

        machine.Touch(Gva, Gpa);
        machine.Touch(Gva, Gpa);

        Assert.Equal(2, machine.Verify.Differing);
        Assert.Equal(2, machine.Verify.Checked);
        Assert.Equal(2, machine.Notes(ModelNote.TranslationDiffers));
        Assert.Equal(new VerifyDifference(1, 0, Gva, Gpa, Hpa + 0x1000), machine.Verify.First);
    }

    private static FakeMachine Create() => new(MmuMode.Shadow, PagingMode.Level4);
}
