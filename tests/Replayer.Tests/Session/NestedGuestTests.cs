using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using static Replay.Replayer.Tests.Session.NestedStream;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// A hypervisor (L1) and its guest (L2). E1: three MMUs. E7: the shadow of nested page tables. Random guests end where a naive walk of both
/// dimensions ends. REPLAY_NESTED says how many operations; by default a few thousand.
/// </summary>
public sealed class NestedGuestTests
{
    private const ulong Hypercall = 0x81;
    private const ulong CodePage = 0x10_0000;

    /// <summary>Other nested page tables, by which L2's data are elsewhere.</summary>
    private const ulong OtherNpt = 0x110_0000;

    /// <summary>Other tables of L2's, from its first ones on.</summary>
    private const ulong OtherL2Tables = 0x2_0000;

    /// <summary>Where L2 has L1's first table of its data, if L1 maps it there.</summary>
    private const ulong NptAsL2 = 0x8f_f000;

    private static int Operations => int.TryParse(Environment.GetEnvironmentVariable("REPLAY_NESTED"), out var operations) ? operations : 4000;

    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void Vmrun_gives_the_vcpu_a_root_that_shadows_L1s_tables(MmuMode mode)
    {
        var session = Session(mode);
        var guest = Ready(session);
        var vcpu = session.Vm.Vcpus[0];
        guest.L1Read(0x30_0000);
        var own = vcpu.RootMmu.Root;
        guest.Vmrun();
        Assert.Same(vcpu.GuestMmu, vcpu.Mmu);
        Assert.Same(vcpu.NestedMmu, vcpu.WalkMmu);
        var root = vcpu.Mmu.Root.ShadowPage!;
        Assert.Equal((Npt >> 12, 0x21704u), (root.Gfn, root.Role.Word));
        Assert.Equal(Npt, vcpu.GuestMmu.Root.Pgd);
        guest.Vmexit(Hypercall);
        Assert.Same(vcpu.RootMmu, vcpu.Mmu);
        Assert.Same(vcpu.RootMmu, vcpu.WalkMmu);
        Assert.Equal(own, vcpu.RootMmu.Root);
        Assert.Same(root, vcpu.GuestMmu.Root.ShadowPage);
        guest.Vmrun();
        Assert.Same(root, vcpu.Mmu.Root.ShadowPage);
        AssertNoDisagreement(session);
    }

    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void Without_nested_paging_L2_has_a_direct_root_of_its_own(MmuMode mode)
    {
        var session = Session(mode);
        var guest = new NestedStream(session, nestedPaging: false) { L2Cr3 = L2Tables };
        BuildL2Tables(guest, L2Tables, L2Tables);
        guest.Vmrun();
        var vcpu = session.Vm.Vcpus[0];
        Assert.Same(vcpu.RootMmu, vcpu.Mmu);
        Assert.Equal(0x23784u, vcpu.Mmu.Root.ShadowPage!.Role.Word);
        Access(guest, 0x80_0000, AccessKind.Write);
        guest.Vmexit(Hypercall);
        Assert.Equal(0x3784u, vcpu.Mmu.Root.ShadowPage!.Role.Word);
        AssertNoDisagreement(session);
    }

    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void A_missing_entry_is_L1s_affair(MmuMode mode)
    {
        var session = Session(mode);
        var guest = Ready(session);
        guest.L1Store(NptEntry(0x80_5000), 0);
        guest.Vmrun();
        var found = guest.Walk(0x80_5000, AccessKind.Read);
        Assert.Equal((FaultKind.Nested, 1UL << 32 | User), (found.Fault, found.Code));
        guest.Vmexit(0x400, found.Code, found.L2Gpa);
        Assert.False(session.Vm.Vcpus[0].IsGuestMode);
        Assert.Equal((0x400UL, found.Code, found.L2Gpa), session.Vm.Vcpus[0].LastNestedExit);
        guest.L1Store(NptEntry(0x80_5000), 0x180_5000 | All);
        guest.Vmrun();
        Access(guest, 0x80_5000, AccessKind.Read);
        AssertNoDisagreement(session);
    }

    /// <summary>L2 does not make the access again: the capture has its address and what was asked, and nothing of L2's tables.</summary>
    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void A_device_that_L1_lets_L2_read_alone_is_L1s_affair_when_L2_writes_it(MmuMode mode)
    {
        const ulong device = 0xfee0_0000;
        var session = Session(mode);
        var guest = Ready(session);
        guest.L1Store(NptEntry(0x80_5000), device | All);
        guest.Vmrun();
        guest.L2Device(0x80_5000, device, AccessKind.Read);
        guest.Vmexit(Hypercall);
        guest.L1Store(NptEntry(0x80_5000), device | Present | User);
        guest.Vmrun();
        guest.Vmexit(0x400, 1UL << 32 | Present | Writable | User, 0x80_5080);
        Assert.Equal((0x400UL, 1UL << 32 | Present | Writable | User, 0x80_5080UL), session.Vm.Vcpus[0].LastNestedExit);
        AssertNoDisagreement(session);
    }

    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void L1s_writes_to_a_page_table_go_unseen_until_the_next_vmrun_and_those_to_a_directory_are_emulated(MmuMode mode)
    {
        var session = Session(mode);
        var guest = Ready(session);
        guest.Vmrun();
        Access(guest, 0x80_0000, AccessKind.Write);
        guest.Vmexit(Hypercall);
        guest.L1Store(NptEntry(0x80_0000), 0x190_0000 | All);
        Assert.Contains(session.Vm.Pages.ShadowPages(), page => page.Unsync && page.Gfn == NptEntry(0x80_0000) >> 12);
        var written = session.Vm.Stats.MmuPteWrite;
        guest.L1Store(Npt + 0x2000 + (6 * 8), 0);
        Assert.Equal(written + 1, session.Vm.Stats.MmuPteWrite);
        guest.Vmrun();
        Assert.DoesNotContain(session.Vm.Pages.ShadowPages(), page => page.Unsync);
        Access(guest, 0x80_0000, AccessKind.Read);
        AssertNoDisagreement(session);
    }

    [Fact]
    public void Without_npt_a_guest_under_nested_paging_cannot_run_and_is_passed_over()
    {
        var session = Session(MmuMode.Shadow);
        var guest = Ready(session);
        guest.Vmrun();
        Assert.False(session.Vm.Vcpus[0].IsGuestMode);
        Access(guest, 0x80_0000, AccessKind.Write);
        guest.Vmexit(Hypercall);
        Assert.Equal(1, session.Journal.NoteCounts[(int)ModelNote.NestedNotFollowed]);
    }

    [Theory]
    [InlineData("6.1", MmuMode.Npt, true)]
    [InlineData("6.1", MmuMode.NptTdp, true)]
    [InlineData("6.1", MmuMode.Npt, false)]
    [InlineData("6.1", MmuMode.NptTdp, false)]
    [InlineData("6.1", MmuMode.Shadow, false)]
    [InlineData("6.12", MmuMode.Npt, true)]
    [InlineData("6.12", MmuMode.NptTdp, true)]
    [InlineData("6.12", MmuMode.Npt, false)]
    [InlineData("6.12", MmuMode.NptTdp, false)]
    [InlineData("6.12", MmuMode.Shadow, false)]
    public void Random_nested_guests_end_where_a_naive_walk_ends(string kernel, MmuMode mode, bool nestedPaging)
    {
        var session = Session(mode, KvmBehaviour.Find(kernel)!);
        var guest = nestedPaging ? Ready(session) : new NestedStream(session, nestedPaging: false) { L2Cr3 = L2Tables };
        if (!nestedPaging)
            BuildL2Tables(guest, L2Tables, L2Tables);
        BuildL2Tables(guest, L2Tables + OtherL2Tables, guest.L2Cr3 + OtherL2Tables);
        var first = guest.L2Cr3;
        var random = new Random(7);
        while (guest.Operations < Operations)
        {
            if (nestedPaging)
            {
                guest.NestedCr3 = random.Next(4) == 0 ? OtherNpt : Npt;
                for (var edits = random.Next(4); edits > 0; edits--)
                    EditNestedTables(guest, random);
                if (random.Next(8) == 0)
                    guest.Invlpga(0x80_0000UL + ((ulong)random.Next(64) << 12));
            }

            guest.Asid = (uint)random.Next(1, 4);
            guest.TlbControl = random.Next(4) switch { 0 => 1, 1 => 3, _ => 0 };
            guest.InterceptsPageFaults = random.Next(2) == 0;
            guest.Vmrun();
            for (var steps = random.Next(12); steps > 0; steps--)
                Step(guest, random, first);
            guest.Vmexit(Hypercall);
        }

        AssertNoDisagreement(session);
        Assert.True(session.Finish().Verify.Checked > Operations / 3);
    }

    private static void Step(NestedStream guest, Random random, ulong firstTables)
    {
        var gva = 0x80_0000UL + ((ulong)random.Next(64) << 12);
        switch (random.Next(24))
        {
            case < 4:
                EditOwnTables(guest, random, gva);
                return;
            case 4:
                Access(guest, CodePage, AccessKind.Fetch);
                guest.L2Cr3Write(firstTables + (random.Next(2) == 0 ? OtherL2Tables : 0));
                Access(guest, CodePage, AccessKind.Fetch);
                return;
            case 5 when guest.NestedPaging:
                EditNestedTablesFromL2(guest, random);
                return;
            default:
                break;
        }

        var kind = (AccessKind)random.Next(3);
        Access(guest, gva, kind);
        if (kind == AccessKind.Fetch)
            Access(guest, CodePage, AccessKind.Fetch); // execution stays where nobody takes it away
    }

    /// <summary>L2 edits its page table through its own mapping of it, and flushes.</summary>
    private static void EditOwnTables(NestedStream guest, Random random, ulong gva)
    {
        var entry = guest.L2Cr3 + 0x3000 + (4 * 0x1000) + ((gva >> 12 & 511) * 8);
        var found = Reach(guest, entry, AccessKind.Write);
        var bits = random.Next(4) switch { 0 => 0UL, 1 => Present, _ => Present | Writable };
        guest.L2Store(found, bits == 0 ? 0 : (0x80_0000UL + ((ulong)random.Next(64) << 12)) | bits);
        guest.Invlpg(gva);
    }

    private static void EditNestedTables(NestedStream guest, Random random)
    {
        var root = guest.NestedCr3;
        var gpa = 0x80_0000UL + ((ulong)random.Next(96) << 12);
        var table = L2TablesAsL2 + ((ulong)random.Next(8) << 12);
        switch (random.Next(11))
        {
            case 0:
                // A directory entry: away, or a table again.
                var directory = root + 0x2000 + ((gpa >> 21) * 8);
                guest.L1Store(directory, random.Next(2) == 0 ? 0 : (root + 0x3000 + (gpa >> 21 << 12)) | All);
                break;
            case 1:
                guest.L1Store(root + 0x2000 + (5 * 8), random.Next(2) == 0 ? 0x1a0_0000 | All | Large : (root + 0x8000) | All);
                break;
            case 2:
                guest.L1Store(NptEntry(table, root), 0);
                break;
            case 3:
                guest.L1Store(NptEntry(gpa, root), 0);
                break;
            case 4:
                guest.L1Store(NptEntry(gpa, root), (0x180_0000UL + ((ulong)random.Next(128) << 12)) | Present | User);
                break;
            case 5:
                guest.L1Store(NptEntry(gpa, root), (0x180_0000UL + ((ulong)random.Next(128) << 12)) | All | NoExecute);
                break;
            case 6 when random.Next(4) == 0:
                // The whole of it away: L2's next access goes to L1.
                guest.L1Store(root + 0x1000, 0);
                break;
            case 7:
                // A table of L2's that may only be read: each walk of the CPU's writes.
                guest.L1Store(NptEntry(table, root), L1Of(table) | Present | User);
                break;
            case 8:
                guest.L1Store(NptEntry(NptAsL2, root), (root + 0x3000 + (4 << 12)) | All);
                break;
            default:
                guest.L1Store(NptEntry(gpa, root), (0x180_0000UL + ((ulong)random.Next(128) << 12)) | All);
                break;
        }
    }

    /// <summary>
    /// L2 edits L1's tables, where these are mapped to it. What it has translated before may hold until the next transition. KVM emulates the
    /// instruction, and so walks for its address, too.
    /// </summary>
    private static void EditNestedTablesFromL2(NestedStream guest, Random random)
    {
        var gpa = 0x80_0000UL + ((ulong)random.Next(64) << 12);
        Found found;
        do
        {
            Access(guest, CodePage, AccessKind.Fetch);
            found = Reach(guest, NptAsL2 + ((gpa >> 12 & 511) * 8), AccessKind.Write);
        }
        while (guest.Walk(CodePage, AccessKind.Fetch).Fault != FaultKind.None);

        if (found.Gpa >> 12 != (guest.NestedCr3 >> 12) + 7)
            return;
        guest.L2Store(found, random.Next(3) == 0 ? 0 : (0x180_0000UL + ((ulong)random.Next(128) << 12)) | All);
        guest.Vmexit(Hypercall);
        guest.Vmrun();
    }

    /// <summary>L2 accesses; whoever's tables do not allow it repairs them, as long as it takes.</summary>
    private static void Access(NestedStream guest, ulong gva, AccessKind kind) => guest.L2Access(Reach(guest, gva, kind), kind);

    private static Found Reach(NestedStream guest, ulong gva, AccessKind kind)
    {
        while (true)
        {
            var found = guest.Walk(gva, kind);
            switch (found.Fault)
            {
                case FaultKind.None:
                    return found;
                case FaultKind.Nested:
                    guest.Vmexit(0x400, found.Code, found.L2Gpa);
                    Repair(guest, found);
                    guest.Vmrun();
                    break;
                default:
                    TakeOwnFault(guest, gva, found, kind);
                    break;
            }
        }
    }

    private static void Repair(NestedStream guest, Found found)
    {
        var gpa = found.L2Gpa;
        var root = guest.NestedCr3;
        var directory = root + 0x2000 + ((gpa >> 21) * 8);
        if ((guest.EntryAt(root + 0x1000) & Present) == 0)
            guest.L1Store(root + 0x1000, (root + 0x2000) | All);
        else if ((guest.EntryAt(directory) & Present) == 0)
            guest.L1Store(directory, (root + 0x3000 + (gpa >> 21 << 12)) | All);
        else
            guest.L1Store(NptEntry(gpa, root), (L1Of(gpa) & ~0xfffUL) | All);
    }

    private static void TakeOwnFault(NestedStream guest, ulong gva, Found found, AccessKind kind)
    {
        var entry = guest.L2Root + 0x3000 + (4 * 0x1000) + ((gva >> 12 & 511) * 8);
        var value = (gva & ~0xfffUL) | Present | Writable;
        if (guest.InterceptsPageFaults)
        {
            guest.Vmexit(0x4e, found.Code, gva);
            guest.L1Store(entry, value);
            guest.Vmrun();
            return;
        }

        guest.L2PageFault(gva, (uint)found.Code, kind);
        var own = entry - guest.L2Root + guest.L2Cr3;
        guest.L2Store(Reach(guest, own, AccessKind.Write), value);
        guest.Invlpg(gva);
    }

    private static NestedStream Ready(ReplaySession session)
    {
        var guest = new NestedStream(session);
        BuildNestedTables(guest, Npt, L1Of);
        BuildNestedTables(guest, OtherNpt, static gpa => L1Of(gpa) + (gpa < 0x80_0000 ? 0 : 0x100_0000UL));
        BuildL2Tables(guest, L2Tables, L2TablesAsL2);
        return guest;
    }

    private static void BuildNestedTables(NestedStream guest, ulong root, Func<ulong, ulong> target)
    {
        guest.Table(root, i => i == 0 ? (root + 0x1000) | All : 0);
        guest.Table(root + 0x1000, i => i == 0 ? (root + 0x2000) | All : 0);
        guest.Table(root + 0x2000, i => i < 8 ? (root + 0x3000 + (i << 12)) | All : 0);
        for (var table = 0UL; table < 8; table++)
            guest.Table(root + 0x3000 + (table << 12), i => target((table << 21) + (i << 12)) | All);
    }

    /// <summary>L2 maps the first 16 MiB of its memory to themselves; code and tables among them.</summary>
    private static void BuildL2Tables(NestedStream guest, ulong root, ulong asL2)
    {
        guest.Table(root, i => i == 0 ? (asL2 + 0x1000) | All : 0);
        guest.Table(root + 0x1000, i => i == 0 ? (asL2 + 0x2000) | All : 0);
        guest.Table(root + 0x2000, i => i < 16 ? (asL2 + 0x3000 + (i << 12)) | All : 0);
        for (var table = 0UL; table < 16; table++)
            guest.Table(root + 0x3000 + (table << 12), i => ((table << 21) + (i << 12)) | Present | Writable);
    }

    private static ulong L1Of(ulong gpa) => gpa < 0x40_0000 ? gpa : gpa + 0x100_0000;

    private static ulong NptEntry(ulong gpa, ulong root = Npt) => root + 0x3000 + (gpa >> 21 << 12) + ((gpa >> 12 & 511) * 8);

    private static ReplaySession Session(MmuMode mode, KvmBehaviour? kernel = null) => new(
        new CaptureManifest { Source = "test", Tool = "test", Vcpus = 1, MemoryBytes = 1 << 26 },
        new ReplayOptions { Mode = mode, Kernel = kernel ?? KvmBehaviour.Newest, Profile = HostProfiles.Find("amd-tcg")!, Invariants = InvariantLevel.Standard },
        new SilentHistory());

    private static void AssertNoDisagreement(ReplaySession session)
    {
        foreach (var note in Enum.GetValues<ModelNote>())
            Assert.True(session.Journal.NoteCounts[(int)note] == 0, $"{session.Journal.NoteCounts[(int)note]} notes of {note}");
        Assert.Equal(0, session.Finish().Verify.Differing);
    }
}
