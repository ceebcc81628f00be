using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Hardware;

public sealed class EptWalkTests
{
    private const ulong Gpa = 0x12_3000;
    private const ulong Gva = 0x40_0000;
    private const ulong EptA = 0x100;
    private const ulong EptD = 0x200;
    private const ulong WriteBack = FakeHypervisor.EptWriteBack;

    [Theory]
    [InlineData(AccessKind.Read, 0x781)]
    [InlineData(AccessKind.Write, 0x782)]
    [InlineData(AccessKind.Fetch, 0x784)]
    public void A_hole_is_reported_with_the_access_and_without_rights(AccessKind kind, ulong qualification)
    {
        var machine = new FakeMachine(MmuMode.Ept, profile: HostProfiles.IntelBochs);

        machine.Touch(Gpa, Gpa, kind);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(ExitReason.EptViolation, exit.Reason);
        Assert.Equal(qualification, exit.Info1);
        Assert.Equal(Gpa, exit.Info2);
        Assert.Equal(Gpa, exit.Gva);
    }

    [Theory]
    [InlineData(1, AccessKind.Write, 0x18a)]
    [InlineData(1, AccessKind.Fetch, 0x18c)]
    [InlineData(3, AccessKind.Fetch, 0x19c)]
    [InlineData(5, AccessKind.Write, 0x1aa)]
    [InlineData(4, AccessKind.Read, 0x1a1)]
    [InlineData(4, AccessKind.Write, 0x1a2)]
    public void A_violation_of_a_present_entry_tells_its_rights(ulong rights, AccessKind kind, ulong qualification)
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1, Gpa + FakeHypervisor.HostOffset | rights | WriteBack);

        machine.Touch(Gpa, Gpa, kind);

        Assert.Equal(qualification, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Fact]
    public void Rights_are_what_all_levels_give_together()
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1);
        var directory = machine.Hypervisor.EntryAt(Gpa, 2)!.Value;
        machine.Hypervisor.Overwrite(Gpa, 2, directory.Raw & ~2UL);
        machine.Hypervisor.OnExit = _ => ExitResult.Emulated;

        machine.Touch(Gpa, Gpa, AccessKind.Write);

        Assert.Equal(0x1aaUL, Assert.Single(machine.Hypervisor.Exits).Info1);
    }

    [Theory]
    [InlineData(P | W | U, true, 0x782)]
    [InlineData(P | W, false, 0x582)]
    [InlineData(P | W | U | NX, false, 0xf82)]
    [InlineData(P | W | NX, false, 0xd82)]
    public void Advanced_information_tells_the_guests_own_rights(ulong entry, bool user, ulong qualification)
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4, HostProfiles.IntelBochs);
        machine.Guest.Map(Gva, Gpa | entry);
        MapGuestTables(machine);

        machine.Touch(Gva, Gpa, AccessKind.Write, user ? AccessFlags.User : AccessFlags.None);

        Assert.Equal(qualification, machine.Hypervisor.Exits[^1].Info1);
    }

    [Fact]
    public void A_read_only_guest_page_is_told_too()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4, HostProfiles.IntelBochs);
        machine.Guest.Map(Gva, Gpa | P);
        MapGuestTables(machine);

        machine.Touch(Gva, Gpa);

        Assert.Equal(0x181UL, machine.Hypervisor.Exits[^1].Info1);
    }

    [Theory]
    [InlineData("intel", 0x83)]
    [InlineData("intel-bochs", 0x82)]
    [InlineData("intel-noad", 0x81)]
    public void A_guest_table_access_is_a_write_where_EPT_has_accessed_and_dirty_bits(string profile, ulong qualification)
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4, HostProfiles.Find(profile));
        machine.Guest.Map(Gva, Gpa | P | W);

        machine.Touch(Gva, Gpa);

        Assert.Equal(5, machine.Hypervisor.Exits.Count);
        for (var level = 4; level >= 1; level--)
        {
            Assert.Equal(qualification, machine.Hypervisor.Exits[4 - level].Info1);
            Assert.Equal(machine.Guest.EntryAddress(Gva, level), machine.Hypervisor.Exits[4 - level].Info2);
        }

        Assert.Equal(Gva, machine.Hypervisor.Exits[0].Gva);
    }

    [Fact]
    public void Without_them_setting_a_guests_accessed_bit_is_a_write_of_its_own()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4, HostProfiles.IntelNoAd);
        machine.Guest.Map(Gva, Gpa | P | W);
        var readOnly = new Queue<ulong>([1, 7]);
        machine.Hypervisor.LeafBits = gpa => (gpa == machine.Guest.Root ? readOnly.Dequeue() : 7) | WriteBack;

        machine.Touch(Gva, Gpa);

        Assert.Equal(0x81UL, machine.Hypervisor.Exits[0].Info1);
        Assert.Equal(0x8aUL, machine.Hypervisor.Exits[1].Info1);
        Assert.Equal(machine.Guest.EntryAddress(Gva, 4), machine.Hypervisor.Exits[1].Info2);
        Assert.Equal(A, machine.Guest.Entry(Gva, 4) & A);
    }

    [Fact]
    public void A_read_only_table_page_is_no_obstacle_without_them_when_all_bits_are_set_already()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4, HostProfiles.IntelNoAd);
        machine.Guest.Map(Gva, Gpa | P | W | A, above: P | W | U | A);
        machine.Hypervisor.LeafBits = _ => 1 | WriteBack;

        machine.Touch(Gva, Gpa);

        Assert.Equal(5, machine.Hypervisor.Exits.Count);
        Assert.Equal(0, machine.Notes(ModelNote.NoProgress));
    }

    [Theory]
    [InlineData(2UL)]
    [InlineData(6UL)]
    [InlineData(6UL | 0x1f_0000_0000_0000)]
    [InlineData(7UL | 2 << 3)]
    [InlineData(7UL | 3 << 3)]
    [InlineData(7UL | 7 << 3)]
    [InlineData(7UL | WriteBack | 1UL << 46)]
    [InlineData(7UL | WriteBack | 1UL << 51)]
    public void A_malformed_leaf_is_a_misconfiguration(ulong bits)
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1, bits);

        var outcome = machine.Access(Gpa, Gpa, flags: AccessFlags.Mmio);

        Assert.Equal(AccessOutcome.Emulated, outcome);
        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(ExitReason.EptMisconfig, exit.Reason);
        Assert.Equal(Gpa, exit.Info2);
        Assert.Equal(0UL, exit.Info1);
    }

    [Theory]
    [InlineData(2, 7UL | WriteBack | 0x80 | 1UL << 12)]
    [InlineData(3, 7UL | WriteBack | 0x80 | 1UL << 21)]
    [InlineData(4, 7UL | WriteBack | 0x80)]
    [InlineData(2, 7UL | 1 << 3)]
    [InlineData(3, 7UL | 1 << 6)]
    public void A_malformed_upper_entry_is_a_misconfiguration(int level, ulong entry)
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1);
        machine.Hypervisor.Overwrite(Gpa, level, entry);

        machine.Access(Gpa, Gpa, flags: AccessFlags.Mmio);

        Assert.Equal(ExitReason.EptMisconfig, Assert.Single(machine.Hypervisor.Exits).Reason);
    }

    [Fact]
    public void Execute_only_needs_a_CPU_that_has_it_and_1_GiB_pages_too()
    {
        var noExecuteOnly = new FakeMachine(MmuMode.Ept, profile: HostProfiles.Intel with { EptExecuteOnly = false });
        noExecuteOnly.Hypervisor.Map(Gpa, 1, Gpa + FakeHypervisor.HostOffset | 4 | WriteBack);
        noExecuteOnly.Access(Gpa, Gpa, AccessKind.Fetch, AccessFlags.Mmio);
        Assert.Equal([ExitReason.EptMisconfig], noExecuteOnly.ExitReasons);

        var executeOnly = new FakeMachine(MmuMode.Ept);
        executeOnly.Hypervisor.Map(Gpa, 1, Gpa + FakeHypervisor.HostOffset | 4 | WriteBack);
        executeOnly.Touch(Gpa, Gpa, AccessKind.Fetch);
        Assert.Empty(executeOnly.Hypervisor.Exits);

        var noGigabyte = new FakeMachine(MmuMode.Ept, profile: HostProfiles.Intel with { GigabytePages = false });
        noGigabyte.Hypervisor.Map(Gpa, 3);
        noGigabyte.Access(Gpa, Gpa, flags: AccessFlags.Mmio);
        Assert.Equal([ExitReason.EptMisconfig], noGigabyte.ExitReasons);
    }

    [Theory]
    [InlineData(AccessKind.Read, EptA)]
    [InlineData(AccessKind.Fetch, EptA)]
    [InlineData(AccessKind.Write, EptA | EptD)]
    public void The_CPU_sets_A_at_every_level_and_D_at_a_written_leaf(AccessKind kind, ulong leafBits)
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Map(Gpa, 1);

        machine.Touch(Gpa, Gpa, kind);

        Assert.Equal([4, 3, 2, 1], machine.History.HardwareWrites.Select(write => (int)write.Level));
        foreach (var write in machine.History.HardwareWrites)
        {
            Assert.Equal(write.Level == 1 ? leafBits : EptA, write.New ^ write.Old);
            Assert.Equal(Gpa >> 12 >> (9 * (write.Level - 1)) << (9 * (write.Level - 1)), write.Gfn);
            Assert.Equal(KvmFunction.None, write.Function);
        }

        machine.Touch(Gpa, Gpa, kind);
        Assert.Equal(4, machine.History.HardwareWrites.Count());
    }

    [Fact]
    public void Without_EPTP_bit_6_the_CPU_writes_no_entry()
    {
        var machine = new FakeMachine(MmuMode.Ept, profile: HostProfiles.IntelNoAd);

        machine.Touch(Gpa, Gpa, AccessKind.Write);

        Assert.Empty(machine.History.HardwareWrites);
    }

    [Fact]
    public void Pages_of_guest_tables_become_dirty_when_they_are_only_walked()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Level4);
        machine.Guest.Map(Gva, Gpa | P | W);

        machine.Touch(Gva, Gpa);

        foreach (var level in new[] { 1, 2, 3, 4 })
            Assert.Equal(EptA | EptD, machine.Hypervisor.EntryAt(machine.Guest.EntryAddress(Gva, level), 1)!.Value.Raw & (EptA | EptD));
        Assert.Equal(EptA, machine.Hypervisor.EntryAt(Gpa, 1)!.Value.Raw & (EptA | EptD));
    }

    [Theory]
    [InlineData(1, 0x1_0012_3456UL)]
    [InlineData(2, 0x1_0012_3456UL)]
    [InlineData(3, 0x1_0012_3456UL)]
    public void Pages_of_each_size_are_found(int level, ulong hpa)
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.MapLevel = level;

        machine.Touch(0x12_3456, 0x12_3456);

        Assert.True(machine.Hypervisor.TryGetHostAddress(0x12_3456, out var expected));
        Assert.Equal(hpa, expected);
        Assert.Equal(0, machine.Verify.Differing);
        Assert.Equal(1, machine.Verify.Checked);
    }

    [Fact]
    public void Loading_PDPTEs_is_a_plain_read_without_a_linear_address()
    {
        var machine = new FakeMachine(MmuMode.Ept, PagingMode.Pae);
        machine.Guest.Map(Gva, Gpa | P | W | U);
        machine.ClearPdptes();

        machine.Cpu.Instructions.WriteCr3(machine.Guest.Root);

        var exit = Assert.Single(machine.Hypervisor.Exits);
        Assert.Equal(1UL, exit.Info1);
        Assert.Equal(machine.Guest.Root, exit.Info2);
        Assert.NotEqual(0UL, machine.Registers.Pdptes[0]);
        Assert.Equal(0UL, machine.Hypervisor.EntryAt(machine.Guest.Root, 1)!.Value.Raw & EptD);
    }

    [Fact]
    public void Pages_made_dirty_are_logged_once_each_and_a_full_log_exits_first()
    {
        var machine = new FakeMachine(MmuMode.Ept);
        machine.Hypervisor.Pml = new PmlBuffer();
        for (var page = 0UL; page <= PmlBuffer.Capacity; page++)
            machine.Hypervisor.Map(page << 12, 1);

        machine.Touch(0x1230, 0x1230);
        Assert.Equal(0, machine.Hypervisor.Pml.Count);
        for (var page = 0UL; page < PmlBuffer.Capacity; page++)
        {
            machine.Touch(page << 12 | 0x10, page << 12 | 0x10, AccessKind.Write);
            machine.Touch(page << 12 | 0x20, page << 12 | 0x20, AccessKind.Write);
        }

        Assert.Empty(machine.Hypervisor.Exits);
        Assert.True(machine.Hypervisor.Pml.IsFull);
        Assert.Equal(0x1ff000UL, machine.Hypervisor.Pml.Entries[^1]);

        const ulong last = (ulong)PmlBuffer.Capacity << 12;
        machine.Touch(last, last, AccessKind.Write);

        Assert.Equal([ExitReason.PmlFull], machine.ExitReasons);
        Assert.Equal(last, Assert.Single(machine.Hypervisor.Pml.Entries.ToArray()));
    }

    [Theory]
    [InlineData(PagingMode.None, 0)]
    [InlineData(PagingMode.Bits32, 2)]
    [InlineData(PagingMode.Pae, 2)]
    [InlineData(PagingMode.Level4, 4)]
    [InlineData(PagingMode.Level5, 5)]
    public void A_walk_reads_g_plus_1_times_h_plus_1_less_1_entries(PagingMode paging, int g)
    {
        foreach (var mode in new[] { MmuMode.Ept, MmuMode.Npt })
        {
            for (var level = 1; level <= 3; level++)
            {
                var machine = new FakeMachine(mode, paging, useTlb: false);
                machine.Hypervisor.MapLevel = level;
                if (paging != PagingMode.None)
                    machine.Guest.Map(Gva, Gpa | P | W | U);
                var gva = paging == PagingMode.None ? Gpa : Gva;
                machine.Touch(gva, Gpa);
                var before = machine.Cpu.WalkReferences;

                machine.Touch(gva, Gpa);

                var h = 5 - level;
                var guestReads = g + (mode == MmuMode.Npt && paging == PagingMode.Pae ? 1 : 0);
                Assert.Equal(((guestReads + 1) * (h + 1)) - 1, machine.Cpu.WalkReferences - before);
            }
        }
    }

    private static void MapGuestTables(FakeMachine machine)
    {
        for (var level = 4; level >= 1; level--)
            machine.Hypervisor.Map(machine.Guest.EntryAddress(Gva, level), 1);
    }
}
