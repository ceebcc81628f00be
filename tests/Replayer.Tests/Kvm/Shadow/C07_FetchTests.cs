using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C7 and C8: how one guest translation is shadowed.</summary>
public sealed class C07_FetchTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void A_page_to_each_guest_table_then_the_leaf()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Fresh().Write(Gva);
        Assert.Equal(["create 101 l3", "create 102 l2", "create 103 l1"], machine.PageLines());
        Assert.Equal(
            [
                "__link_shadow_page L4[0] 0 -> 827",
                "__link_shadow_page L3[0] 0 -> 827",
                "__link_shadow_page L2[2] 0 -> 827",
                "mmu_set_spte L1[0] 0 -> e63",
            ],
            machine.WriteLines());
        Assert.Equal(RetPf.Fixed, machine.Log.Faults.Single().Outcome);
        Assert.Equal(KvmFunction.Paging64PageFault, machine.Log.Faults.Single().Handler);
    }

    [Theory]
    [InlineData(P | W | U, P | W | U, 0xe67UL)]
    [InlineData(P | W, P | W | U, 0xe63UL)]
    [InlineData(P | W | U, P | W, 0xe63UL)]
    public void A_leaf_has_the_rights_that_all_levels_give(ulong leaf, ulong above, ulong flags)
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | leaf, above: above);
        machine.Enter().Write(Gva);
        Assert.Equal(flags, machine.Flags(Gva));
    }

    [Fact]
    public void A_page_below_has_the_rights_of_the_levels_above_in_its_role()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P, above: P | U);
        machine.Enter().Read(Gva);
        Assert.Equal(
            [PteAccess.All, PteAccess.Exec | PteAccess.User, PteAccess.Exec | PteAccess.User, PteAccess.Exec | PteAccess.User],
            machine.Log.Created.Select(page => new PageRole(page.Role).Access));
        Assert.Equal(0xa61UL & ~0x40UL, machine.Flags(Gva));
    }

    [Fact]
    public void A_no_execute_entry_has_NX_in_its_shadow_and_other_entries_have_not()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P | W | NX);
        machine.Enter().Write(Gva);
        Assert.Equal(NX | 0xe63, machine.Flags(Gva));
    }

    [Fact]
    public void A_fetch_that_only_the_shadow_forbade_is_allowed()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Fetch(Gva));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void A_clean_guest_entry_is_shadowed_without_W_so_that_the_first_write_is_seen()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Read(Gva);
        Assert.Equal(0xa21UL, machine.Flags(Gva));
        Assert.Equal(A, machine.Guest.Entry(Gva) & (A | D));

        machine.Fresh().Write(Gva);
        Assert.Equal(["mmu_set_spte L1[0] a21 -> e63"], machine.WriteLines());
        Assert.Equal(A | D, machine.Guest.Entry(Gva) & (A | D));
    }

    [Fact]
    public void A_guest_huge_page_on_host_4K_pages_has_direct_pages_below_it()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(0x60_0000, 0x60_0000 | P | W | PS, level: 2);
        machine.Enter().Fresh().Write(0x60_3000);
        Assert.Equal(["create 101 l3", "create 102 l2", "create 600 l1"], machine.PageLines());
        var role = new PageRole(machine.Log.Created.Last().Role);
        Assert.True(role.Direct);
        Assert.Equal(PteAccess.Exec | PteAccess.Write, role.Access);
        Assert.Equal((1, 0xe63UL), (machine.Last(0x60_3000).Level, machine.Flags(0x60_3000)));
        Assert.Equal(0xe43UL, machine.Flags(0x60_4000));
    }

    [Fact]
    public void A_guest_huge_page_on_a_host_huge_page_is_one_entry()
    {
        var machine = new ShadowMachine(backing: HostBacking.Thp);
        machine.Guest.Map(0x60_0000, 0x60_0000 | P | W | PS, level: 2);
        machine.Enter().Fresh().Write(0x60_3000);
        Assert.Equal((2, 0xee3UL), (machine.Last(0x60_3000).Level, machine.Flags(0x60_3000)));
    }

    [Fact]
    public void A_guest_4K_page_is_never_a_huge_entry()
    {
        var machine = new ShadowMachine(backing: HostBacking.Thp);
        machine.Guest.Map(0x60_0000, 0x60_0000 | P | W);
        machine.Enter().Write(0x60_0000);
        Assert.Equal(1, machine.Last(0x60_0000).Level);
    }

    [Fact]
    public void When_the_guests_huge_page_gets_other_rights_the_direct_page_below_is_another()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(0x60_0000, 0x60_0000 | P | W | PS, level: 2);
        machine.Enter().Read(0x60_3000);
        var clean = machine.Last(0x60_3000).Page;
        Assert.Equal(PteAccess.Exec, clean.Role.Access);

        machine.Fresh().Write(0x60_3000);
        Assert.Equal(["create 600 l1"], machine.PageLines());
        Assert.StartsWith("drop_parent_pte L2[3] 827 -> 0", machine.WriteLines().First(), StringComparison.Ordinal);
        Assert.Equal(PteAccess.Exec | PteAccess.Write, machine.Last(0x60_3000).Page.Role.Access);
        Assert.Equal(RmapOperation.RemoveParent, machine.Log.Rmaps[0].Operation);
        machine.Audit();
    }

    [Fact]
    public void A_32_bit_guest_has_two_shadow_page_tables_to_each_of_its_own()
    {
        var machine = new ShadowMachine(PagingMode.Bits32);
        machine.Guest.Map(0x40_0000, 0x5000 | P | W).Map(0x7f_f000, 0x6000 | P | W);
        machine.Enter().Fresh().Write(0x40_0000);
        machine.Write(0x7f_f000);
        Assert.Equal(["create 101 l1", "create 101 l1"], machine.PageLines());
        Assert.Equal([0, 1], machine.PagesOf(0x101).Select(page => page.Role.Quadrant).Order());
        Assert.Equal((0, 511), (machine.Last(0x40_0000).Index, machine.Last(0x7f_f000).Index));
        machine.Audit();
    }

    [Fact]
    public void A_4M_page_of_a_32_bit_guest_becomes_two_huge_entries()
    {
        var machine = new ShadowMachine(PagingMode.Bits32, backing: HostBacking.Thp);
        machine.Guest.Map(0xc0_0000, 0x80_0000 | P | W | PS, level: 2);
        machine.Enter().Write(0xc0_0000);
        machine.Write(0xe0_0000);
        Assert.Equal((2, 6, 0x800UL), (machine.Last(0xc0_0000).Level, machine.Last(0xc0_0000).Index, machine.Last(0xc0_0000).Gfn));
        Assert.Equal((2, 7, 0xa00UL), (machine.Last(0xe0_0000).Level, machine.Last(0xe0_0000).Index, machine.Last(0xe0_0000).Gfn));
    }

    [Fact]
    public void A_page_outside_memory_gets_an_MMIO_entry_and_the_access_is_emulated()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0xfec0_0000 | P | W);
        machine.Enter();
        Assert.Equal(AccessOutcome.Emulated, machine.Write(Gva, AccessFlags.Mmio));
        Assert.True(machine.Vm.Format.IsMmio(machine.Last(Gva).Value));
        Assert.Equal(0xfec00UL, machine.Vm.Format.MmioGfn(machine.Last(Gva).Value));
        Assert.Equal(Tracepoint.MarkMmioSpte, machine.Log.Writes.Last().Tracepoint);
    }
}
