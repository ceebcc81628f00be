using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class NptWalkTests
{
    private const ulong Gpa = 0x12_3000;
    private const ulong Gva = 0x40_0000;

    [Theory]
    [InlineData(AccessKind.Read, 0x1_0000_0004)]
    [InlineData(AccessKind.Write, 0x1_0000_0006)]
    [InlineData(AccessKind.Fetch, 0x1_0000_0014)]
    public void A_hole_is_a_user_fault_at_the_final_address(AccessKind kind, ulong code)
    {
        var machine = new FakeMachine(MmuMode.Npt);

        machine.Touch(Gpa, Gpa, kind);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(ExitReason.Npf, exit.Reason);
        Assert.Equal(code, exit.Info1);
        Assert.Equal(Gpa, exit.Info2);
    }

    [Theory]
    [InlineData(P | U, AccessKind.Write, 0x1_0000_0007)]
    [InlineData(P | W, AccessKind.Read, 0x1_0000_0005)]
    [InlineData(P | W | U | NX, AccessKind.Fetch, 0x1_0000_0015)]
    public void A_violation_of_a_present_entry_has_P(ulong bits, AccessKind kind, ulong code)
    {
        var machine = new FakeMachine(MmuMode.Npt);
        machine.Hypervisor.Map(Gpa, 1, Gpa + FakeHypervisor.HostOffset | bits);

        machine.Touch(Gpa, Gpa, kind);

        Assert.Equal(code, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Theory]
    [InlineData("amd", AccessKind.Read, 0x1_0000_000d)]
    [InlineData("amd", AccessKind.Write, 0x1_0000_000f)]
    [InlineData("amd-tcg", AccessKind.Read, 0x1_0000_000c)]
    [InlineData("amd-tcg", AccessKind.Write, 0x1_0000_000e)]
    public void A_reserved_bit_is_reported_with_P_except_by_an_emulator(string profile, AccessKind kind, ulong code)
    {
        var machine = new FakeMachine(MmuMode.Npt, profile: HostProfiles.Find(profile));
        machine.Hypervisor.Map(Gpa, 1, 1UL << 51 | 1);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Access(Gpa, Gpa, kind, AccessFlags.Mmio);

        Assert.Equal(code, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Fact]
    public void A_guest_table_access_is_always_a_write()
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | A, above: P | W | U | A);

        machine.Touch(Gva, Gpa);

        for (var level = 4; level >= 1; level--)
        {
            Assert.Equal(0x2_0000_0006UL, machine.Hypervisor.Exits[4 - level].Info1);
            Assert.Equal(machine.Guest.EntryAddress(Gva, level), machine.Hypervisor.Exits[4 - level].Info2);
            var entry = machine.Hypervisor.EntryAt(machine.Guest.EntryAddress(Gva, level), 1)!.Value;
            Assert.Equal(A | D, entry.Raw & (A | D));
        }
    }

    [Fact]
    public void A_write_protected_guest_table_violates_when_it_is_only_walked()
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | A, above: P | W | U | A);
        machine.Hypervisor.Map(machine.Guest.Root, 1, machine.Guest.Root + FakeHypervisor.HostOffset | P | U);

        machine.Touch(Gva, Gpa);

        Assert.Equal(0x2_0000_0007UL, machine.Hypervisor.Exits[0].Info1);
    }

    [Fact]
    public void The_CPU_sets_A_on_the_way_and_D_where_it_writes()
    {
        var machine = new FakeMachine(MmuMode.Npt);
        machine.Hypervisor.Map(Gpa, 1);

        machine.Touch(Gpa, Gpa);
        Assert.Equal([A, A, A, A], machine.History.HardwareWrites.Select(write => write.New ^ write.Old));

        machine.Touch(Gpa, Gpa, AccessKind.Write);
        var last = machine.History.HardwareWrites.Last();
        Assert.Equal(5, machine.History.HardwareWrites.Count());
        Assert.Equal(D, last.New ^ last.Old);
        Assert.Equal(Gpa >> 12, last.Gfn);
    }

    [Fact]
    public void PAE_reads_its_PDPTE_at_each_walk_and_loads_nothing_with_CR3()
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Pae);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        machine.ClearPdptes();

        machine.Cpu.Instructions.WriteCr3(machine.Guest.Root);
        Assert.Empty(machine.Hypervisor.Exits);

        machine.Touch(Gva, Gpa);
        Assert.Equal(machine.Guest.Root, machine.Hypervisor.Exits[0].Info2);
        Assert.Equal(0x2_0000_0006UL, machine.Hypervisor.Exits[0].Info1);
        Assert.Equal(0, machine.Verify.Differing);
        Assert.All(machine.Registers.Pdptes.ToArray(), pdpte => Assert.Equal(0UL, pdpte));
    }
}
