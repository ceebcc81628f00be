using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>Row B10, and what shadow paging asks of the TDP MMU's entries.</summary>
public sealed class TdpDirtyLogTests
{
    private static Memslot Slot(TdpMachine machine) => machine.Vm.Memslots.Find(0)!;

    [Fact]
    public void Write_protecting_a_slot_takes_W_and_leaves_what_a_fast_page_fault_needs_to_give_it_back()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd);
        machine.Write(0x200);
        machine.Write(0x201);

        Assert.Equal(
            [
                "gfn=200 level=1 old=g200 fl=610000000000877 new=g200 fl=610000000000875",
                "gfn=201 level=1 old=g201 fl=610000000000877 new=g201 fl=610000000000875",
            ],
            machine.LinesOf(() => machine.Vm.TdpMmu.WriteProtectSlot(Slot(machine), PgLevel.Size4K)));
        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.WriteProtectSlot(Slot(machine), PgLevel.Size4K)));
    }

    [Fact]
    public void Write_protecting_a_gfn_says_whether_a_flush_must_follow()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd);
        IMmuBackend backend = machine.Vm.TdpMmu;
        machine.Write(0x200);
        Assert.False(backend.WriteProtectGfn(Slot(machine), 0x201, PgLevel.Size4K));
        Assert.True(backend.WriteProtectGfn(Slot(machine), 0x200, PgLevel.Size4K));
        Assert.False(backend.WriteProtectGfn(Slot(machine), 0x200, PgLevel.Size4K));
    }

    [Fact]
    public void A_page_is_dirty_once_it_is_mapped_writable_and_not_before()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd, new HostBacking { Populated = false }, logDirty: true);
        machine.Read(0x200);
        Assert.False(machine.Last(0x200).Value.IsWritable);
        Assert.False(Slot(machine).DirtyBitmap!.Get(0x200));
        machine.Vm.HostEvents.Invalidate(0x20_0000, 0x1000);
        Assert.False(machine.Last(0x200).Value.IsShadowPresent);
        Assert.False(Slot(machine).DirtyBitmap!.Get(0x200));
        machine.Write(0x200);
        Assert.True(Slot(machine).DirtyBitmap!.Get(0x200));
    }

    [Fact]
    public void Write_protecting_from_2_MiB_up_spares_small_pages()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);
        machine.Write(0x200);
        machine.Vm.HostMemory.Protect(0x401000, 0x1000, writable: true);
        machine.Write(0x400);

        Assert.Equal(
            ["gfn=200 level=2 old=g200 fl=600000000000bf7 new=g200 fl=600000000000bf5"],
            machine.LinesOf(() => machine.Vm.TdpMmu.WriteProtectSlot(Slot(machine), PgLevel.Size2M)));
    }

    [Fact]
    public void With_PML_the_dirty_bits_are_cleared_and_W_stays()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=600000000000b77 new=g200 fl=600000000000977"],
            machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtySlot(Slot(machine))));
        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtySlot(Slot(machine))));
    }

    [Fact]
    public void Entries_without_AD_bits_lose_W_where_others_lose_D()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd);
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=610000000000877 new=g200 fl=610000000000875"],
            machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtySlot(Slot(machine))));
    }

    [Fact]
    public void A_mask_clears_exactly_its_pages()
    {
        var machine = new TdpMachine(logDirty: true);
        foreach (var gfn in new ulong[] { 0x1fe, 0x200, 0x201, 0x203, 0x240 })
            machine.Write(gfn);

        Assert.Equal(
            [
                "gfn=200 level=1 old=g200 fl=600000000000b77 new=g200 fl=600000000000977",
                "gfn=203 level=1 old=g203 fl=600000000000b77 new=g203 fl=600000000000977",
            ],
            machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtyMasked(0x200, 0b1101, writeProtect: false)));
    }

    [Fact]
    public void A_mask_can_take_write_access_instead_and_the_page_does_not_count_as_written_for_that()
    {
        var machine = new TdpMachine(HostProfiles.AmdTcg, logDirty: true);
        machine.Write(0x23f);
        Slot(machine).DirtyBitmap!.Take(0x23f >> 6);

        Assert.Equal(
            ["gfn=23f level=1 old=g23f fl=e67 new=g23f fl=e65"],
            machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtyMasked(0x200, 1UL << 63, writeProtect: true)));
        Assert.False(Slot(machine).DirtyBitmap!.Get(0x23f));
    }

    [Fact]
    public void Mapping_a_page_writable_in_a_logged_slot_marks_it_dirty()
    {
        var machine = new TdpMachine(logDirty: true, backing: HostBacking.Thp);

        Assert.Equal("gfn=200 level=1 old=0 new=g200 fl=600000000000b77", machine.LinesOf(() => machine.Read(0x200))[^1]);
        Assert.True(Slot(machine).DirtyBitmap!.Get(0x200));
    }

    [Fact]
    public void A_huge_page_is_split_by_filling_the_table_before_it_is_linked()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => machine.Vm.TdpMmu.TrySplitHugePages(0, 0x4000, PgLevel.Size4K, shared: true));

        Assert.Equal("create S4 gfn=200 role=3781", lines[0]);
        Assert.Equal("(untraced) gfn=200 level=1 old=0 new=g200 fl=600000000000b77", lines[1]);
        Assert.Equal("(untraced) gfn=3ff level=1 old=0 new=g3ff fl=600000000000b77", lines[512]);
        Assert.Equal("gfn=200 level=2 old=g200 fl=600000000000bf7 new=->S4 fl=907", lines[513]);
        Assert.Equal(514, lines.Count);
        Assert.Equal((512L, 0L), (machine.Vm.Stats.Pages(1), machine.Vm.Stats.Pages(2)));
    }

    [Fact]
    public void The_parts_of_a_split_page_become_executable_again_when_the_NX_mitigation_had_forbidden_it()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochs with { NxHugePages = true }, HostBacking.Thp);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => machine.Vm.TdpMmu.TrySplitHugePages(0, 0x4000, PgLevel.Size4K, shared: true));

        Assert.Equal("(untraced) gfn=200 level=1 old=0 new=g200 fl=600000000000b77", lines[1]);
        Assert.Equal("gfn=200 level=2 old=g200 fl=600000000000bf3 new=->S4 fl=907", lines[^1]);
    }

    [Fact]
    public void Tables_that_could_be_huge_pages_are_zapped_when_logging_ends_and_the_next_fault_maps_the_huge_page()
    {
        var machine = new TdpMachine(logDirty: true, backing: HostBacking.Thp);
        machine.Write(0x200);
        machine.Write(0x201);

        var lines = machine.LinesOf(() => machine.Vm.TdpMmu.ZapCollapsible(Slot(machine)));

        Assert.Equal("gfn=200 level=2 old=->S4 fl=907 new=np:5a0", lines[0]);
        Assert.Equal("zap gfn=200 l1 root 0", lines[1]);
        Assert.Equal("flush", lines[^2]);
        Assert.Equal("(untraced) gfn=200 level=2 old=np:5a0 new=0", lines[^1]);
        Assert.Equal(2 + 512 + 2, lines.Count);
    }

    [Fact]
    public void Tables_over_small_host_pages_stay_when_logging_ends()
    {
        var machine = new TdpMachine(logDirty: true);
        machine.Write(0x200);

        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.ZapCollapsible(Slot(machine))));
    }

    [Fact]
    public void Protecting_a_guest_table_takes_MMU_writable_too_so_that_no_fast_page_fault_gives_W_back()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        Assert.Equal(
            ["gfn=200 level=1 old=g200 fl=600000000000b77 new=g200 fl=200000000000b75"],
            machine.LinesOf(() => Assert.True(machine.Vm.TdpMmu.WriteProtectGfn(0x200, PgLevel.Size4K))));
        Assert.Empty(machine.LinesOf(() => Assert.False(machine.Vm.TdpMmu.WriteProtectGfn(0x200, PgLevel.Size4K))));
    }

    [Fact]
    public void Invalid_roots_are_passed_over()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);
        machine.Vm.TdpMmu.InvalidateAllRoots();

        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.ClearDirtySlot(Slot(machine))));
        Assert.Empty(machine.LinesOf(() => machine.Vm.TdpMmu.WriteProtectSlot(Slot(machine), PgLevel.Size4K)));
    }
}
