using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class SystemInstructionsTests
{
    private const ulong Gpa = 0x12_3000;
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void A_CR3_write_that_is_not_intercepted_is_made_by_the_CPU_and_translates_anew()
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        var other = new Guest.GuestTableBuilder(PagingMode.Level4, 0x30_0000, machine.Memory, new ControlRegisters());
        other.Map(Gva, Gpa + 0x1000 | P | W | U);

        machine.Touch(Gva, Gpa);
        machine.Cpu.Instructions.WriteCr3(other.Root | 5 | ControlBits.Cr3NoFlush);
        machine.Touch(Gva, Gpa + 0x1000);

        Assert.Equal(other.Root | 5, machine.Registers.Cr3);
        Assert.DoesNotContain(ExitReason.Cr3Write, machine.ExitReasons);
        Assert.Equal(0, machine.Verify.Differing);
    }

    [Theory]
    [InlineData("intel", 3UL)]
    [InlineData("amd", 1UL << 63)]
    [InlineData("amd-tcg", 0UL)]
    public void An_intercepted_CR3_write_exits_with_the_whole_value(string profile, ulong info1)
    {
        var machine = new FakeMachine(MmuMode.Shadow, PagingMode.Level4, HostProfiles.Find(profile));
        machine.Hypervisor.Intercepts = Intercepts.Cr3Write;

        machine.Cpu.Instructions.WriteCr3(0x5000 | ControlBits.Cr3NoFlush);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(ExitReason.Cr3Write, exit.Reason);
        Assert.Equal(0x5000 | ControlBits.Cr3NoFlush, exit.Info2);
        Assert.Equal(info1, exit.Info1);
        Assert.Equal(0x5000UL, machine.Registers.Cr3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_CPU_that_sets_accessed_bits_in_PDPTEs_does_not_while_it_has_the_page_in_its_TLB(bool useTlb)
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Pae, HostProfiles.AmdTcg, useTlb);
        machine.Guest.Map(Gva, Gpa | P | W | U).Map(Gva + 0x1000, Gpa + 0x1000 | P | W | U);
        machine.Touch(Gva, Gpa);
        Assert.True(IsAccessed());

        Clear();
        machine.Touch(Gva, Gpa);
        Assert.False(IsAccessed());
        machine.Touch(Gva, Gpa, AccessKind.Write);
        Assert.True(IsAccessed());

        Clear();
        machine.Touch(Gva, Gpa, AccessKind.Write);
        Assert.False(IsAccessed());
        machine.Touch(Gva + 0x1000, Gpa + 0x1000);
        Assert.True(IsAccessed());

        Clear();
        machine.Cpu.Instructions.Invlpg(Gva);
        machine.Touch(Gva + 0x1000, Gpa + 0x1000);
        Assert.False(IsAccessed());
        machine.Touch(Gva, Gpa);
        Assert.True(IsAccessed());

        Clear();
        machine.Cpu.Instructions.WriteCr3(machine.Registers.Cr3);
        machine.Touch(Gva + 0x1000, Gpa + 0x1000);
        Assert.True(IsAccessed());

        bool IsAccessed() => (machine.Guest.Entry(Gva, 3) & A) != 0;

        void Clear()
        {
            machine.NextEvent();
            machine.Memory.Store(machine.Guest.EntryAddress(Gva, 3), machine.Guest.Entry(Gva, 3) & ~(ulong)A, 8);
        }
    }

    [Fact]
    public void CR0_and_CR4_writes_exit_where_a_bit_changes_that_KVM_keeps()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);
        machine.Hypervisor.Cr0InterceptMask = ControlBits.Cr0Pg | ControlBits.Cr0Wp;
        machine.Hypervisor.Cr4InterceptMask = ControlBits.Cr4Pae;
        var cr0 = machine.Registers.Cr0;

        machine.Cpu.Instructions.WriteCr0(cr0 | 8);
        machine.Cpu.Instructions.WriteCr4(ControlBits.Cr4Pae | ControlBits.Cr4Pge);
        Assert.Empty(machine.Hypervisor.Exits);
        Assert.Equal(cr0 | 8, machine.Registers.Cr0);
        Assert.Equal(ControlBits.Cr4Pae | ControlBits.Cr4Pge, machine.Registers.Cr4);

        machine.Cpu.Instructions.WriteCr0(cr0 & ~ControlBits.Cr0Wp);
        machine.Cpu.Instructions.WriteCr4(0);
        Assert.Equal([ExitReason.Cr0Write, ExitReason.Cr4Write], machine.ExitReasons);
    }

    [Fact]
    public void With_a_mask_of_all_ones_every_write_exits()
    {
        var machine = new FakeMachine(MmuMode.Npt);
        machine.Hypervisor.Cr0InterceptMask = ulong.MaxValue;
        machine.Hypervisor.Cr4InterceptMask = ulong.MaxValue;

        machine.Cpu.Instructions.WriteCr0(machine.Registers.Cr0);
        machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4);

        Assert.Equal([ExitReason.Cr0Write, ExitReason.Cr4Write], machine.ExitReasons);
    }

    [Fact]
    public void Without_an_intercept_paging_makes_long_mode_active_and_loads_PDPTEs()
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Registers.Efer = ControlBits.EferLme;
        machine.Registers.Cr4 = ControlBits.Cr4Pae;

        machine.Cpu.Instructions.WriteCr0(ControlBits.Cr0Pg | ControlBits.Cr0Pe);
        Assert.True(machine.Registers.LongMode);
        Assert.Empty(machine.Hypervisor.Exits);

        machine.Cpu.Instructions.WriteCr0(ControlBits.Cr0Pe);
        Assert.False(machine.Registers.LongMode);
    }

    [Fact]
    public void EFER_INVLPG_and_INVPCID_exit_only_where_intercepted()
    {
        var machine = new FakeMachine(MmuMode.Shadow, PagingMode.Level4);
        var efer = machine.Registers.Efer;
        machine.Cpu.Instructions.WriteEfer(ControlBits.EferLme);
        machine.Cpu.Instructions.Invlpg(Gva);
        machine.Cpu.Instructions.Invpcid(0, 7, Gva);
        Assert.Empty(machine.Hypervisor.Exits);
        Assert.Equal(ControlBits.EferLme | ControlBits.EferLma, machine.Registers.Efer);

        machine.Hypervisor.Intercepts = Intercepts.EferWrite | Intercepts.Invlpg | Intercepts.Invpcid;
        machine.Cpu.Instructions.WriteEfer(efer);
        machine.Cpu.Instructions.Invlpg(Gva);
        machine.Cpu.Instructions.Invpcid(1, 7, Gva);

        Assert.Equal([ExitReason.EferWrite, ExitReason.Invlpg, ExitReason.Invpcid], machine.ExitReasons);
        Assert.Equal((Gva, Gva), (machine.Hypervisor.Exits[1].Info1, machine.Hypervisor.Exits[1].Info2));
        Assert.Equal((1UL, 7UL, Gva), (machine.Hypervisor.Exits[2].Info1, machine.Hypervisor.Exits[2].Info2, machine.Hypervisor.Exits[2].Gva));
    }

    [Fact]
    public void A_CPU_without_decode_assists_does_not_tell_the_operand_of_INVLPG()
    {
        var machine = new FakeMachine(MmuMode.Shadow, profile: HostProfiles.AmdTcg);
        machine.Hypervisor.Intercepts = Intercepts.Invlpg;

        machine.Cpu.Instructions.Invlpg(Gva);

        Assert.Equal(0UL, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Fact]
    public void PKRU_takes_effect_at_the_next_access()
    {
        var machine = new FakeMachine(MmuMode.Npt, PagingMode.Level4);
        machine.Registers.Cr4 |= ControlBits.Cr4Pke;
        machine.Guest.Map(Gva, Gpa | P | W | U | 3UL << 59);
        machine.Touch(Gva, Gpa, AccessKind.Write, AccessFlags.User);

        machine.Cpu.Instructions.WritePkru(2u << 6);
        machine.Touch(Gva, Gpa, AccessKind.Read, AccessFlags.User);
        Assert.Empty(machine.History.Notes);

        machine.Touch(Gva, Gpa, AccessKind.Write, AccessFlags.User);
        Assert.Equal(1, machine.Notes(ModelNote.UnexpectedGuestFault));
        Assert.Equal(0x27UL, machine.History.Notes[^1].Modelled);
    }

    [Fact]
    public void A_guest_that_shuts_down_is_noted()
    {
        var machine = new FakeMachine(MmuMode.Shadow);
        machine.Hypervisor.Intercepts = Intercepts.Cr3Write;
        machine.Hypervisor.OnExit = _ => ExitResult.Shutdown;

        machine.Cpu.Instructions.WriteCr3(0x5000);

        Assert.Equal(1, machine.Notes(ModelNote.TripleFault));
    }
}
