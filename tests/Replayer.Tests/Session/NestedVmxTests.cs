using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Session.NestedStream;
using static Replay.Replayer.Tests.Session.NestedVmxRig;
using static Replay.Replayer.Tests.Session.NestedVmxStream;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// A hypervisor under VMX (L1) and its guest (L2). E2 to E6: the shadow of extended page tables, what L1 is told, INVEPT and INVVPID. E9: entries log by protection. Random guests end where a naive walk of both
/// dimensions ends; REPLAY_NESTED says how many accesses and events.
/// </summary>
public sealed class NestedVmxTests
{
    private static int Operations => int.TryParse(Environment.GetEnvironmentVariable("REPLAY_NESTED"), out var operations) ? operations : 4000;

    public static TheoryData<MmuMode, string> Kernels() => new()
    {
        { MmuMode.Ept, "6.1" },
        { MmuMode.EptTdp, "6.1" },
        { MmuMode.Ept, "6.12" },
        { MmuMode.EptTdp, "6.12" },
    };

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Roots_belong_to_a_whole_EPTP_and_are_kept_with_and_without_accessed_and_dirty_bits(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        var vcpu = session.Vm.Vcpus[0];
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        var with = vcpu.Mmu.Root;
        Assert.Same(vcpu.GuestMmu, vcpu.Mmu);
        Assert.Same(vcpu.NestedMmu, vcpu.WalkMmu);
        Assert.Equal((0x100_005eUL, 0x1000UL, 0x20704u), (with.Pgd, with.ShadowPage!.Gfn, with.ShadowPage.Role.Word));
        guest.Hypercall();
        guest.AccessedDirty = false;
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Read);
        Assert.Equal((0x100_001eUL, 0x30704u), (vcpu.Mmu.Root.Pgd, vcpu.Mmu.Root.ShadowPage!.Role.Word));
        guest.Hypercall();
        guest.AccessedDirty = true;
        guest.Vmrun();
        Assert.Equal(with, vcpu.Mmu.Root);
        AssertNoDisagreement(session);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_walk_that_another_CPU_calls_a_write_alone_is_the_same_violation(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        guest.L1Store(EptEntry(L2TablesAsL2), L1Of(L2TablesAsL2) | Read | Execute | WriteBack);
        guest.Vmrun();
        var found = guest.Walk(0x80_0000, AccessKind.Read);
        Assert.Equal((FaultKind.Nested, Read | Write), (found.Fault, found.Code & (Read | Write)));
        guest.TableFault(found with { Code = found.Code & ~Read });
        Repair(guest, found);
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Read);
        AssertNoDisagreement(session);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_PDPTEs_of_a_guest_under_PAE_paging_are_those_of_its_VMCS(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        guest.IsPae = true;
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        Access(guest, 0x80_1000, AccessKind.Read);
        guest.Hypercall();
        guest.IsPae = false;
        guest.Vmrun();
        Access(guest, 0x80_2000, AccessKind.Write);
        AssertNoDisagreement(session);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void The_first_entry_flushes_all_and_no_other_does(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        guest.Hypercall();
        Assert.True(session.Vm.Stats.TlbFlush > 0);
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        guest.Hypercall();
        var before = session.Vm.Stats.TlbFlush;
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        Assert.Equal(before, session.Vm.Stats.TlbFlush);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void An_entry_syncs_nothing_and_INVEPT_drops_the_root_so_that_the_next_entry_syncs(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        var vcpu = session.Vm.Vcpus[0];
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        var root = vcpu.Mmu.Root.Table;
        guest.Hypercall();
        guest.L1Store(EptEntry(0x80_0000), 0x190_0000 | Rwx | WriteBack);
        Assert.Contains(session.Vm.Pages.ShadowPages(), IsUnsync);
        guest.Vmrun();
        guest.Hypercall();
        guest.Invvpid(1);
        guest.Vmrun();
        guest.Hypercall();
        Assert.Contains(session.Vm.Pages.ShadowPages(), IsUnsync);
        guest.Invept(1, 0x300_005e);
        Assert.True(vcpu.GuestMmu.Root.IsValid);
        guest.Invept(1);
        Assert.False(vcpu.GuestMmu.Root.IsValid);
        guest.Vmrun();
        Assert.Same(root, vcpu.Mmu.Root.Table);
        Assert.DoesNotContain(session.Vm.Pages.ShadowPages(), IsUnsync);
        Access(guest, 0x80_0000, AccessKind.Read);
        AssertNoDisagreement(session);

        static bool IsUnsync(ShadowPage page) => page.Unsync && page.Gfn == EptEntry(0x80_0000) >> 12;
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void L1_is_told_its_own_rights_and_of_malformed_entries_as_a_misconfiguration(MmuMode mode, string kernel)
    {
        var (session, guest) = Ready(mode, kernel);
        var vcpu = session.Vm.Vcpus[0];
        Fault(Read | WriteBack | 0x180_5000, AccessKind.Write, Violation, 0x18a);
        Fault(Execute | WriteBack | 0x180_5000, AccessKind.Read, Violation, 0x1a1);
        Fault(Read | Write | WriteBack | 0x180_5000, AccessKind.Fetch, Violation, 0x19c);
        Fault(0, AccessKind.Read, Violation, 0x181);
        foreach (var malformed in (ulong[])[Write | WriteBack, Write | Execute | WriteBack, Rwx | 2 << 3, Rwx | WriteBack | 1UL << 50])
            Fault(malformed | 0x180_5000, AccessKind.Read, Misconfiguration, null);
        AssertNoDisagreement(session);

        void Fault(ulong entry, AccessKind kind, ulong code, ulong? qualification)
        {
            guest.L1Store(EptEntry(0x80_5000), entry);
            guest.Invept(2);
            guest.Vmrun();
            var found = guest.Walk(0x80_5000, kind);
            Assert.Equal(FaultKind.Nested, found.Fault);
            guest.TableFault(found);
            Assert.False(vcpu.IsGuestMode);
            Assert.Equal((code, 0x80_5000UL), (vcpu.LastNestedExit.Code, vcpu.LastNestedExit.Info2 & ~0xfffUL));
            if (qualification is { } told)
                Assert.Equal(told, vcpu.LastNestedExit.Info1);
        }
    }

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.EptTdp)]
    public void Tables_that_lie_in_no_memory_have_a_root_of_zeros_and_L1_is_told_that_they_deny_nothing(MmuMode mode)
    {
        const ulong noMemory = 0x7000_0000;
        var (session, guest) = Ready(mode, "6.12");
        var vcpu = session.Vm.Vcpus[0];
        foreach (var denying in (ulong[])[0, Read])
        {
            guest.L1Store(EptEntry(0x80_5000), denying);
            Deny(0x80_5000, AccessKind.Write);
            guest.NestedCr3 = noMemory;
            guest.Vmrun();
            var found = guest.Walk(0x80_0000, AccessKind.Read);
            Assert.Equal((FaultKind.Nested, L2TablesAsL2), (found.Fault, found.L2Gpa));
            guest.TableFault(found with { Code = found.Code | Rwx << 3 });
            Assert.Null(vcpu.GuestMmu.Root.ShadowPage);
            Assert.True(vcpu.GuestMmu.Root.IsValid);
            Assert.Equal((Violation, 0xbbUL, L2TablesAsL2), vcpu.LastNestedExit);
            guest.NestedCr3 = Npt;
            guest.Vmrun();
            Access(guest, 0x80_0000, AccessKind.Write);
            Assert.Equal(Npt >> 12, vcpu.GuestMmu.Root.ShadowPage!.Gfn);
            guest.Hypercall();
        }

        AssertNoDisagreement(session);

        void Deny(ulong gva, AccessKind kind)
        {
            guest.Invept(2);
            guest.Vmrun();
            guest.TableFault(guest.Walk(gva, kind));
        }
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Entries_log_writes_by_protection_and_without_accessed_and_dirty_bits_neighbours_are_tracked(MmuMode mode, string kernel)
    {
        const ulong suppressVe = 1UL << 63;
        var (session, guest) = Ready(mode, kernel);
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        Assert.Equal(0x0620_0000_0000_0b77UL, Leaf(0x20701)[0].Raw & ~(Spte.BaseAddressMask | suppressVe));
        guest.Hypercall();
        guest.AccessedDirty = false;
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        Assert.Equal(0x0610_0000_0000_0877UL, Leaf(0x30701)[0].Raw & ~(Spte.BaseAddressMask | suppressVe));
        Assert.Equal(0x0750_0000_0000_0870UL, Leaf(0x30701)[1].Raw & ~(Spte.BaseAddressMask | suppressVe));
        Assert.Equal(0x0010_0000_0000_0807UL, session.Vm.Vcpus[0].Mmu.Root.ShadowPage![0].Raw & ~(Spte.BaseAddressMask | suppressVe));
        AssertNoDisagreement(session);

        ShadowPage Leaf(uint role) => session.Vm.Pages.ShadowPages().Single(page => page.Role.Word == role && page.Gfn == EptEntry(0x80_0000) >> 12);
    }

    [Theory]
    [MemberData(nameof(Kernels))]
    public void L2_has_MMIO_where_its_hypervisor_maps_the_APIC_page_of_its_own(MmuMode mode, string kernel)
    {
        const ulong apic = 0xfee0_0000;
        var (session, guest) = Ready(mode, kernel, "intel-icelake");
        guest.L1Store(EptEntry(0x80_5000), apic | Rwx | WriteBack);
        guest.Vmrun();
        Access(guest, 0x80_5000, AccessKind.Write);
        var leaf = session.Vm.Pages.ShadowPages().Single(page => page.Role.Level == PgLevel.Size4K && page.Gfn == EptEntry(0x80_0000) >> 12)[5];
        Assert.True(session.Vm.Format.IsMmio(leaf), $"the entry is {leaf}");
        Assert.Equal(apic >> 12, session.Vm.Format.MmioGfn(leaf));
        AssertNoDisagreement(session);
    }

    [Fact]
    public void A_capture_of_the_other_vendors_hypervisor_is_passed_over()
    {
        var session = NewSession(MmuMode.Ept, KvmBehaviour.Newest);
        var guest = new NestedStream(session);
        BuildTables(guest);
        guest.Vmrun();
        Assert.False(session.Vm.Vcpus[0].IsGuestMode);
        Assert.Equal(1, session.Journal.NoteCounts[(int)ModelNote.NestedNotFollowed]);
    }

    [Theory]
    [InlineData("6.1", MmuMode.Ept, true)]
    [InlineData("6.1", MmuMode.EptTdp, true)]
    [InlineData("6.1", MmuMode.Ept, false)]
    [InlineData("6.1", MmuMode.EptTdp, false)]
    [InlineData("6.1", MmuMode.Shadow, false)]
    [InlineData("6.12", MmuMode.Ept, true)]
    [InlineData("6.12", MmuMode.EptTdp, true)]
    [InlineData("6.12", MmuMode.Ept, false)]
    [InlineData("6.12", MmuMode.EptTdp, false)]
    [InlineData("6.12", MmuMode.Shadow, false)]
    public void Random_nested_guests_end_where_a_naive_walk_ends(string kernel, MmuMode mode, bool nestedPaging)
    {
        var session = NewSession(mode, KvmBehaviour.Find(kernel)!);
        var guest = new NestedVmxStream(session, nestedPaging);
        if (nestedPaging)
            BuildTables(guest);
        else
            guest.L2Cr3 = L2Tables;
        BuildL2Tables(guest);
        var random = new Random(11);
        while (guest.Operations < Operations)
        {
            if (nestedPaging)
            {
                guest.NestedCr3 = random.Next(4) == 0 ? OtherEpt : Npt;
                guest.AccessedDirty = random.Next(3) != 0;
                var edits = random.Next(4);
                for (var i = 0; i < edits; i++)
                    EditTables(guest, random);
                if (edits > 0 || random.Next(4) == 0)
                    guest.Invept((ulong)random.Next(1, 3));
            }

            guest.Asid = (uint)random.Next(3);
            guest.InterceptsPageFaults = random.Next(2) == 0;
            guest.Vmrun();
            for (var steps = random.Next(12); steps > 0; steps--)
                Step(guest, random);
            guest.Hypercall();
        }

        AssertNoDisagreement(session);
        Assert.True(session.Finish().Verify.Checked > Operations / 4);
    }

    private static void Step(NestedVmxStream guest, Random random)
    {
        var gva = 0x80_0000UL + ((ulong)random.Next(64) << 12);
        if (random.Next(6) == 0)
        {
            var bits = random.Next(4) switch { 0 => 0UL, 1 => Present, _ => Present | Writable };
            var found = Reach(guest, guest.L2Cr3 + 0x3000 + (4 * 0x1000) + ((gva >> 12 & 511) * 8), AccessKind.Write);
            guest.L2Store(found, bits == 0 ? 0 : (0x80_0000UL + ((ulong)random.Next(64) << 12)) | bits | Used);
            guest.Invlpg(gva);
            return;
        }

        var kind = (AccessKind)random.Next(3);
        Access(guest, gva, kind);
        if (kind == AccessKind.Fetch)
            Access(guest, CodePage, AccessKind.Fetch); // execution stays where nobody takes it away
    }

    private static void EditTables(NestedVmxStream guest, Random random)
    {
        var root = guest.NestedCr3;
        var gpa = 0x80_0000UL + ((ulong)random.Next(96) << 12);
        var table = L2TablesAsL2 + ((ulong)random.Next(8) << 12);
        var target = (0x180_0000UL + ((ulong)random.Next(128) << 12)) | WriteBack;
        switch (random.Next(12))
        {
            case 0:
                guest.L1Store(root + 0x2000 + ((gpa >> 21) * 8), random.Next(2) == 0 ? 0 : (root + 0x3000 + (gpa >> 21 << 12)) | Rwx);
                break;
            case 1:
                guest.L1Store(root + 0x2000 + (5 * 8), random.Next(2) == 0 ? 0x1a0_0000 | Rwx | WriteBack | Large : (root + 0x8000) | Rwx);
                break;
            case 2:
                guest.L1Store(EptEntry(table, root), random.Next(2) == 0 ? 0 : L1Of(table) | Read | WriteBack);
                break;
            case 3:
                guest.L1Store(EptEntry(gpa, root), 0);
                break;
            case 4:
                guest.L1Store(EptEntry(gpa, root), target | (uint)random.Next(1, 8)); // write-only and write-and-execute are malformed
                break;
            case 5:
                guest.L1Store(EptEntry(gpa, root), (target & ~WriteBack) | Rwx | (ulong)(uint)random.Next(8) << 3);
                break;
            case 6 when random.Next(4) == 0:
                guest.L1Store(root + 0x1000, 0);
                break;
            default:
                guest.L1Store(EptEntry(gpa, root), target | Rwx);
                break;
        }
    }
}
