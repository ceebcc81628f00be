using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C5 and C6: KVM walks the guest's tables as the guest's CPU would, or lets the guest have its fault.</summary>
public sealed class C05_C06_GuestWalkTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void A_read_sets_the_accessed_bit_at_every_level_and_no_dirty_bit()
    {
        var machine = Mapped(0x5000 | P | W);
        machine.Read(Gva);
        Assert.Equal([A, A, A, A], Enumerable.Range(1, 4).Select(level => machine.Guest.Entry(Gva, level) & (A | D)));
    }

    [Fact]
    public void A_write_sets_the_dirty_bit_at_the_last_level_alone()
    {
        var machine = Mapped(0x5000 | P | W);
        machine.Write(Gva);
        Assert.Equal([A | D, A, A, A], Enumerable.Range(1, 4).Select(level => machine.Guest.Entry(Gva, level) & (A | D)));
    }

    [Theory]
    [InlineData(PagingMode.Bits32, 2)]
    [InlineData(PagingMode.Pae, 2)]
    [InlineData(PagingMode.Level4, 4)]
    public void PDPTE_registers_have_no_accessed_bit_and_every_other_level_does(PagingMode paging, int levels)
    {
        var machine = new ShadowMachine(paging);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        Assert.Equal(levels, Enumerable.Range(1, machine.Guest.Levels).Count(level => (machine.Guest.Entry(Gva, level) & A) != 0));
        Assert.Equal(0xe63UL, machine.Flags(Gva) & 0xfff);
    }

    [Fact]
    public void Tables_in_which_a_bit_was_set_are_dirty_pages()
    {
        var machine = new ShadowMachine(logDirty: true);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Guest.Map(Gva + 0x1_0000, 0x6000 | P | W | A);
        machine.Enter().Read(Gva);
        Assert.All([0x100UL, 0x101UL, 0x102UL, 0x103UL], gfn => Assert.True(machine.Slot.DirtyBitmap!.Get(gfn)));
        Assert.False(machine.Slot.DirtyBitmap!.Get(5));

        // All the bits are set, and the page is too far away for a prefetch: another walk sets none.
        machine.Vm.HostEvents.DirtyLogGet(0);
        Assert.False(machine.Last(Gva + 0x1_0000).Value.IsShadowPresent);
        machine.Read(Gva + 0x1_0000);
        Assert.True(machine.Last(Gva + 0x1_0000).Value.IsShadowPresent);
        Assert.All([0x100UL, 0x101UL, 0x102UL, 0x103UL], gfn => Assert.False(machine.Slot.DirtyBitmap!.Get(gfn)));
    }

    [Theory]
    [InlineData("nothing is mapped", 0UL, AccessKind.Read, false, 0x0)]
    [InlineData("nothing is mapped, for a user's write", 0UL, AccessKind.Write, true, 0x6)]
    [InlineData("a write to a read-only page", 0x5000 | P | U, AccessKind.Write, false, 0x3)]
    [InlineData("a user's read of a supervisor page", 0x5000 | P | W, AccessKind.Read, true, 0x5)]
    [InlineData("a fetch from a no-execute page", 0x5000 | P | NX, AccessKind.Fetch, false, 0x11)]
    [InlineData("a reserved bit", 0x5000 | P | W | 1UL << 51, AccessKind.Read, false, 0x9)]
    public void A_guest_fault_is_injected_and_writes_nothing(string what, ulong gpte, AccessKind kind, bool user, uint errorCode)
    {
        var machine = Mapped(gpte);
        var flags = user ? AccessFlags.User : AccessFlags.None;
        var outcome = kind switch
        {
            AccessKind.Read => machine.Read(Gva, flags),
            AccessKind.Write => machine.Write(Gva, flags),
            _ => machine.Fetch(Gva, flags),
        };
        Assert.True(outcome == AccessOutcome.InjectedPageFault, what);
        Assert.Equal(errorCode, machine.Vcpu.InjectedErrorCode);
        Assert.Equal((Gva, errorCode), Assert.Single(machine.Log.GuestFaults.Select(fault => (fault.Gva, fault.ErrorCode))));
        Assert.Equal(Gva, machine.Registers.Cr2);
        Assert.Empty(machine.WriteLines());
        Assert.Equal(1, machine.Stats.PfGuest);
    }

    [Fact]
    public void A_faulting_walk_sets_no_bits()
    {
        var machine = Mapped(0x5000 | P | U);
        machine.Write(Gva);
        Assert.Equal(0UL, machine.Guest.Entry(Gva) & (A | D));
        Assert.Equal(0UL, machine.Guest.Entry(Gva, 4) & A);
    }

    [Theory]
    [InlineData(ControlBits.Cr4Smep, AccessKind.Fetch, 0x11)]
    [InlineData(ControlBits.Cr4Smap, AccessKind.Read, 0x1)]
    public void SMEP_and_SMAP_keep_the_supervisor_off_user_pages(ulong cr4, AccessKind kind, uint errorCode)
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Guest.Map(Gva, 0x5000 | P | W | U);
        machine.Registers.Cr4 |= cr4;
        machine.Vcpu.RegistersSet();
        var outcome = kind == AccessKind.Fetch ? machine.Fetch(Gva) : machine.Read(Gva);
        Assert.Equal(AccessOutcome.InjectedPageFault, outcome);
        Assert.Equal(errorCode, machine.Vcpu.InjectedErrorCode);
        Assert.Equal(AccessOutcome.Completed, machine.Read(Gva, AccessFlags.User));
    }

    [Fact]
    public void EFLAGS_AC_lifts_SMAP()
    {
        var machine = new ShadowMachine(profile: HostProfiles.Intel);
        machine.Guest.Map(Gva, 0x5000 | P | W | U);
        machine.Registers.Cr4 |= ControlBits.Cr4Smap;
        machine.Vcpu.RegistersSet();
        Assert.Equal(AccessOutcome.Completed, machine.Read(Gva, AccessFlags.AlignmentCheck));
    }

    [Fact]
    public void A_table_outside_memory_is_a_fault_of_a_page_that_is_not_there()
    {
        var machine = Mapped(0x5000 | P | W);
        machine.Guest.Memory.Store(machine.Guest.EntryAddress(Gva, 2), ShadowMachine.MemoryPages << 12 | P | W, 8);
        Assert.Equal(AccessOutcome.InjectedPageFault, machine.Read(Gva));
        Assert.Equal(0U, machine.Vcpu.InjectedErrorCode);
    }

    private static ShadowMachine Mapped(ulong gpte)
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, gpte);
        return machine.Enter().Fresh();
    }
}
