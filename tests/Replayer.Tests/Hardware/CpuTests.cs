using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class CpuTests
{
    private const ulong Gpa = 0x12_3000;
    private const ulong Gva = 0x40_0000;

    public static TheoryData<MmuMode> TwoDimensional => [MmuMode.Ept, MmuMode.Npt];

    public static TheoryData<MmuMode> All => [MmuMode.Ept, MmuMode.Npt, MmuMode.Shadow];

    [Theory]
    [MemberData(nameof(All))]
    public void An_access_is_tried_again_after_each_exit_until_it_completes(MmuMode mode)
    {
        var machine = Paged(mode);

        Assert.Equal(AccessOutcome.Completed, machine.Access(Gva, Gpa, AccessKind.Write));

        Assert.Equal(mode == MmuMode.Shadow ? 1 : 5, machine.Hypervisor.Exits.Count);
        Assert.Equal(machine.Hypervisor.Exits.Count + 1, machine.Hypervisor.Entries);
        Assert.Equal(0, machine.Verify.Differing);
        Assert.Equal(1, machine.Verify.Checked);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void An_access_that_never_completes_is_given_up_and_noted(MmuMode mode)
    {
        var machine = Paged(mode);
        machine.Hypervisor.OnExit = _ => ExitResult.Retry;

        Assert.Equal(AccessOutcome.NoProgress, machine.Access(Gva, Gpa));

        Assert.Equal(AccessPath.RetryLimit, machine.Hypervisor.Exits.Count);
        var note = Assert.Single(machine.History.Notes);
        Assert.Equal((ModelNote.NoProgress, Gva, Gpa, 0UL), (note.Kind, note.Gva, note.Recorded, note.Modelled));
    }

    /// <summary>What happens with a fault that the capture has: CR2 and error code stand in the note, and nothing of the model's.</summary>
    [Theory]
    [InlineData(ExitResult.Retry, ModelNote.NoProgress)]
    [InlineData(ExitResult.Emulated, ModelNote.MissingGuestFault)]
    public void A_recorded_fault_that_does_not_come_about_is_noted_with_its_error_code(ExitResult answer, ModelNote expected)
    {
        var machine = Paged(MmuMode.Shadow);
        machine.Hypervisor.OnExit = _ => answer;
        machine.NextEvent();
        machine.Cpu.Fault(Gva, (uint)PageFaultCode.Write, AccessFlags.None);
        var note = Assert.Single(machine.History.Notes);
        Assert.Equal((expected, Gva, (ulong)PageFaultCode.Write, 0UL), (note.Kind, note.Gva, note.Recorded, note.Modelled));
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void An_access_at_a_guest_physical_address_enters_the_guest_first(MmuMode mode)
    {
        var machine = new FakeMachine(mode);
        Assert.True(machine.Cpu.AccessPhysical(Gpa, AccessKind.Read, AccessFlags.None));
        Assert.Single(machine.Hypervisor.Exits);
        machine.Hypervisor.AtNextEntry = () => machine.Hypervisor.NewRoot();
        machine.NextEvent();
        Assert.True(machine.Cpu.AccessPhysical(Gpa, AccessKind.Read, AccessFlags.None));
        Assert.Equal(2, machine.Hypervisor.Exits.Count);
    }

    [Fact]
    public void A_write_of_CR0_that_exits_leaves_the_register_to_the_hypervisor()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);
        var before = machine.Registers.Cr0;
        machine.Hypervisor.Cr0InterceptMask = ControlBits.Cr0Wp;
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;
        machine.NextEvent();
        machine.Cpu.Instructions.WriteCr0(before ^ ControlBits.Cr0Wp);
        Assert.Equal([ExitReason.Cr0Write], machine.ExitReasons);
        Assert.Equal(before, machine.Registers.Cr0);
    }

    [Fact]
    public void An_exit_carries_what_the_instruction_does()
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Cpu.Access(new CpuAccess { Gva = Gpa + 8, Gpa = Gpa + 8, Kind = AccessKind.Write, Flags = AccessFlags.User, Size = 4, Value = 77 }, out _);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(Gpa + 8, exit.Gva);
        Assert.Equal(AccessKind.Write, exit.Access);
        Assert.Equal(AccessFlags.User, exit.Flags);
        Assert.Equal(4, exit.Size);
        Assert.Equal(77UL, exit.Value);
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void Where_the_model_faults_and_the_capture_does_not_the_recorded_page_is_touched_all_the_same(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Guest.Map(Gva, 0);

        Assert.Equal(AccessOutcome.PageFault, machine.Access(Gva, Gpa, AccessKind.Write));

        var note = Assert.Single(machine.History.Notes);
        Assert.Equal(ModelNote.UnexpectedGuestFault, note.Kind);
        Assert.Equal(Gpa, note.Recorded);
        Assert.Equal((ulong)PageFaultCode.Write, note.Modelled);
        Assert.NotEqual(0UL, machine.Hypervisor.EntryAt(Gpa, 1)?.Raw ?? 0);
        Assert.Empty(machine.History.GuestFaults);
        Assert.Equal(0, machine.Verify.Checked);
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void An_unknown_guest_table_is_noted_and_the_recorded_page_is_touched(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Memory.Store(machine.Guest.Root, 0x7777_7000 | P | W | U, 8);

        Assert.Equal(AccessOutcome.UnknownTable, machine.Access(Gva, Gpa));

        var note = Assert.Single(machine.History.Notes);
        Assert.Equal(ModelNote.UnknownTableContent, note.Kind);
        Assert.Equal(0x7777_7000UL, note.Modelled);
        Assert.NotEqual(0UL, machine.Hypervisor.EntryAt(Gpa, 1)?.Raw ?? 0);
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void A_translation_that_differs_is_counted_at_every_access_with_the_TLB_as_without(MmuMode mode)
    {
        foreach (var useTlb in new[] { true, false })
        {
            var machine = new FakeMachine(mode, PagingMode.Level4, useTlb: useTlb);
            machine.Guest.Map(Gva, Gpa | P | W | U);

            machine.Touch(Gva, Gpa);
            for (var i = 0; i < 3; i++)
                machine.Queue(Gva, Gpa + 0x1000);
            machine.Queue(Gva + 0xff8, Gpa + 0xff8);
            machine.RunQueue();

            Assert.Equal(3, machine.Verify.Differing);
            Assert.Equal(5, machine.Verify.Checked);
            Assert.Equal(new VerifyDifference(2, 0, Gva, Gpa + 0x1000, Gpa), machine.Verify.First);
            Assert.Equal(3, machine.Notes(ModelNote.TranslationDiffers));
        }
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void A_device_in_the_model_only_or_in_the_capture_only_is_noted(MmuMode mode)
    {
        var machine = new FakeMachine(mode);
        machine.Hypervisor.IsDevice = gpa => gpa == 0xfee0_0000;

        machine.Touch(0xfee0_0000, 0xfee0_0000);
        machine.Touch(0xfee0_0000, 0xfee0_0000);
        Assert.Equal(2, machine.Notes(ModelNote.MmioDiffers));

        Assert.Equal(AccessOutcome.Emulated, machine.Access(0xfee0_0000, 0xfee0_0000, flags: AccessFlags.Mmio));
        Assert.Equal(2, machine.Notes(ModelNote.MmioDiffers));

        Assert.Equal(AccessOutcome.Completed, machine.Access(Gpa, Gpa, flags: AccessFlags.Mmio));
        Assert.Equal(3, machine.Notes(ModelNote.MmioDiffers));
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void A_device_seen_where_the_model_has_RAM_is_noted_every_time_with_the_TLB_as_without(MmuMode mode)
    {
        foreach (var useTlb in new[] { true, false })
        {
            var machine = new FakeMachine(mode, useTlb: useTlb);
            for (var i = 0; i < 4; i++)
                machine.Queue(Gpa, Gpa, flags: AccessFlags.Mmio);
            machine.RunQueue();

            Assert.Equal(4, machine.Notes(ModelNote.MmioDiffers));
            Assert.Equal(4, machine.Verify.Checked);
        }
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void An_access_without_a_recorded_address_is_replayed_and_not_compared(MmuMode mode)
    {
        var machine = Paged(mode);

        var outcome = machine.Cpu.Access(
            new CpuAccess { Gva = Gva, Kind = AccessKind.Write, Flags = AccessFlags.Implicit, Size = 8 }, out var gpa);

        Assert.Equal(AccessOutcome.Completed, outcome);
        Assert.Equal(Gpa, gpa);
        Assert.Equal(0, machine.Verify.Checked);
        Assert.Equal(0, machine.History.Accesses[0].HasGpa);
    }

    [Fact]
    public void Tables_that_map_a_page_elsewhere_than_memslots_and_host_are_our_bug()
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1, Gpa + FakeHypervisor.HostOffset + 0x1000 | 7 | FakeHypervisor.EptWriteBack);

        var violation = Assert.Throws<InvariantViolation>(() => machine.Access(Gpa, Gpa));
        Assert.Contains("123000", violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_accesses_that_left_records_are_reported()
    {
        var machine = new FakeMachine(MmuMode.Ept);

        machine.Touch(Gpa, Gpa);
        machine.Touch(Gpa, Gpa);
        machine.Touch(Gpa, Gpa, AccessKind.Write);
        machine.Touch(Gpa, Gpa, AccessKind.Write);

        Assert.Equal([1, 3], machine.History.Accesses.Select(access => access.Ordinal));
        Assert.Equal(Gpa, machine.History.Accesses[1].Gpa);
        Assert.Equal(AccessKind.Write, machine.History.Accesses[1].Kind);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Records_of_the_VM_entry_belong_to_the_access_it_was_made_for(bool useTlb)
    {
        var machine = new FakeMachine(MmuMode.Ept, useTlb: useTlb);
        machine.Touch(Gpa, Gpa);
        machine.Hypervisor.AtNextEntry = () => machine.Journal.Flush(FlushKind.Current);

        machine.Queue(Gpa, Gpa);
        machine.Queue(Gpa, Gpa);
        machine.RunQueue();

        Assert.Equal([1, 2], machine.History.Accesses.Select(access => access.Ordinal));
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void A_recorded_fault_faults_again_and_is_delivered(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | U);

        machine.Cpu.Fault(Gva, 7, AccessFlags.None);

        var fault = Assert.Single(machine.History.GuestFaults);
        Assert.Equal((Gva, 7u, (byte)1, -1), (fault.Gva, fault.ErrorCode, fault.Recorded, fault.ExitId));
        Assert.Equal(Gva, machine.Registers.Cr2);
        Assert.Empty(machine.History.Notes);
        Assert.Null(machine.Hypervisor.EntryAt(Gpa, 1)?.Raw is 0 or null ? null : "the final page was touched");
    }

    [Fact]
    public void With_shadow_paging_KVM_injects_it()
    {
        var machine = new FakeMachine(MmuMode.Shadow, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | U);

        machine.Cpu.Fault(Gva, 7, AccessFlags.None);
        machine.Cpu.Fault(Gva, 6, AccessFlags.None);

        Assert.Equal([(byte)1, (byte)1], machine.History.GuestFaults.Select(fault => fault.Recorded));
        var note = Assert.Single(machine.History.Notes);
        Assert.Equal((ModelNote.GuestFaultCodeDiffers, 6UL, 7UL), (note.Kind, note.Recorded, note.Modelled));

        machine.Access(Gva, Gpa, AccessKind.Write);
        Assert.Equal(0, machine.History.GuestFaults[^1].Recorded);
        Assert.Equal(1, machine.Notes(ModelNote.UnexpectedGuestFault));
    }

    [Theory]
    [MemberData(nameof(TwoDimensional))]
    public void A_fault_that_does_not_happen_again_or_happens_otherwise_is_noted(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        machine.Cpu.Fault(Gva, 6, AccessFlags.None);
        Assert.Equal(1, machine.Notes(ModelNote.MissingGuestFault));
        Assert.Empty(machine.History.GuestFaults);

        machine.Guest.Map(Gva, Gpa | U);
        machine.Cpu.Fault(Gva, 7, AccessFlags.None);
        var note = machine.History.Notes[^1];
        Assert.Equal((ModelNote.GuestFaultCodeDiffers, 7UL, 6UL), (note.Kind, note.Recorded, note.Modelled));
    }

    [Fact]
    public void A_reserved_bit_fault_is_the_same_with_and_without_P()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | 1UL << 51);

        machine.Cpu.Fault(Gva, 8, AccessFlags.None);
        machine.Cpu.Fault(Gva, 9, AccessFlags.None);

        Assert.Empty(machine.History.Notes);
        Assert.Equal([9u, 9u], machine.History.GuestFaults.Select(fault => fault.ErrorCode));
    }

    [Fact]
    public void A_fault_behind_an_unknown_table_is_delivered_as_the_capture_has_it()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);
        machine.Memory.Store(machine.Guest.Root, 0x7777_7000 | P | W | U, 8);

        machine.Cpu.Fault(Gva, 4, AccessFlags.None);

        Assert.Equal(4u, Assert.Single(machine.History.GuestFaults).ErrorCode);
        Assert.Equal(1, machine.Notes(ModelNote.UnknownTableContent));
    }

    [Fact]
    public void An_address_that_is_not_canonical_cannot_have_been_reached()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);

        Assert.Equal(AccessOutcome.GeneralProtection, machine.Access(0x8000_0000_0000, Gpa));

        Assert.Equal(1, machine.Notes(ModelNote.UnexpectedGuestFault));
    }

    private static FakeMachine Paged(MmuMode mode)
    {
        var machine = new FakeMachine(mode, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        return machine;
    }
}
