using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>Rows B1 to B6: roots, mapping, what a change entails. The values are those of a real kernel's traces.</summary>
public sealed class TdpFaultTests
{
    [Fact]
    public void The_first_fault_builds_a_table_for_each_level_and_links_each_before_the_next_is_made()
    {
        var machine = new TdpMachine();

        var lines = machine.LinesOf(() => Assert.Equal(RetPf.Fixed, machine.Execute(0x100)));

        Assert.Equal(
            [
                "create S2 gfn=0 role=3783",
                "gfn=0 level=4 old=0 new=->S2 fl=907",
                "create S3 gfn=0 role=3782",
                "gfn=0 level=3 old=0 new=->S3 fl=907",
                "create S4 gfn=0 role=3781",
                "gfn=0 level=2 old=0 new=->S4 fl=907",
                "gfn=100 level=1 old=0 new=g100 fl=600000000000b77",
            ],
            lines);
    }

    [Fact]
    public void A_second_page_of_the_table_takes_one_write()
    {
        var machine = new TdpMachine();
        machine.Execute(0x100);

        Assert.Equal(["gfn=101 level=1 old=0 new=g101 fl=600000000000b77"], machine.LinesOf(() => machine.Write(0x101)));
        Assert.Equal(2, machine.Vm.Stats.Pages(1));
    }

    [Fact]
    public void Without_EPT_AD_bits_entries_say_so_in_bit_52()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochsNoAd);

        Assert.Equal("gfn=0 level=4 old=0 new=->S2 fl=10000000000807", machine.LinesOf(() => machine.Read(0x100))[1]);
        Assert.Equal("g100 fl=610000000000877", machine.Log.Entry(machine.Last(0x100).Value.Raw));
    }

    [Fact]
    public void NPT_entries_have_the_x86_form()
    {
        var machine = new TdpMachine(HostProfiles.AmdTcg);

        var lines = machine.LinesOf(() => machine.Read(0x100));

        Assert.Equal("gfn=0 level=4 old=0 new=->S2 fl=827", lines[1]);
        Assert.Equal("gfn=100 level=1 old=0 new=g100 fl=e67", lines[^1]);
    }

    [Fact]
    public void A_transparent_huge_page_is_one_entry_of_level_2()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);

        var lines = machine.LinesOf(() => machine.Write(0x303f));

        Assert.Equal("gfn=3000 level=2 old=0 new=g3000 fl=600000000000bf7", lines[^1]);
        Assert.Equal(1, machine.Vm.Stats.Pages(2));
        Assert.Equal(0, machine.Vm.Stats.Pages(1));
    }

    [Fact]
    public void A_fault_maps_the_faulting_page_alone_so_512_pages_take_512_faults()
    {
        var machine = new TdpMachine();
        machine.Read(0x200);
        var before = machine.Log.Writes.Count;

        for (var gfn = 0x201UL; gfn < 0x400; gfn++)
            Assert.Equal(RetPf.Fixed, machine.Read(gfn));

        Assert.Equal(511, machine.Log.Writes.Count - before);
        Assert.Equal(512, machine.Last(0x200).Page.FilledCount);
    }

    [Fact]
    public void A_fault_on_what_is_mapped_already_is_spurious_and_writes_nothing()
    {
        var machine = new TdpMachine(backing: new HostBacking { Populated = false });
        machine.Read(0x200);

        Assert.Empty(machine.LinesOf(() => Assert.Equal(RetPf.Spurious, machine.Read(0x200))));
    }

    [Fact]
    public void A_gpa_without_memory_gets_an_MMIO_entry_that_remembers_the_generation_and_is_emulated()
    {
        var machine = new TdpMachine();
        machine.Read(0);

        var lines = machine.LinesOf(() => Assert.Equal(RetPf.Emulate, machine.Write(0xfe000)));

        Assert.Equal("gfn=fe000 level=1 old=0 new=np:f8fe000016", lines[^1]);
        Assert.Equal(Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio, machine.Log.Writes[^1].Tracepoint);
        Assert.Equal(1, machine.Vm.Stats.PfMmioSpteCreated);
        Assert.Equal(0, machine.Vcpu.Fault.MappedLevel);
    }

    [Fact]
    public void A_new_memslot_makes_the_next_MMIO_fault_write_the_entry_again()
    {
        var machine = new TdpMachine();
        machine.Write(0xfe000);
        machine.AddSlot(new Memslot(1, 0x8000, 1, 0x800_0000));

        var lines = machine.LinesOf(() => machine.Write(0xfe000));

        Assert.Equal(["gfn=fe000 level=1 old=np:f8fe000016 new=np:f8fe000026"], lines);
    }

    [Fact]
    public void A_read_only_frame_is_mapped_without_the_rights_to_write()
    {
        var machine = new TdpMachine(backing: new HostBacking { Populated = false });

        Assert.Equal("gfn=802 level=1 old=0 new=zero fl=975", machine.LinesOf(() => machine.Read(0x802))[^1]);
    }

    [Fact]
    public void A_huge_entry_in_the_way_of_a_small_page_is_removed_flushed_cleared_and_replaced_by_a_table()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);
        machine.Write(0x200);
        machine.Vm.Memslots.Find(0)!.LargePages.Disallow(0x200);

        var lines = machine.LinesOf(() => machine.Write(0x234));

        Assert.Equal(
            [
                "gfn=200 level=2 old=g200 fl=600000000000bf7 new=np:5a0",
                "flush",
                "(untraced) gfn=200 level=2 old=np:5a0 new=0",
                "create S4 gfn=200 role=3781",
                "gfn=200 level=2 old=0 new=->S4 fl=907",
                "gfn=234 level=1 old=0 new=g234 fl=600000000000b77",
            ],
            lines);
    }

    [Fact]
    public void A_huge_page_over_a_table_removes_the_table_and_all_512_entries_of_it()
    {
        var machine = new TdpMachine(backing: new HostBacking { HugePages = true, Populated = false });
        machine.Vm.Memslots.Find(0)!.LargePages.Disallow(0x200);
        machine.Write(0x201);
        machine.Vm.Memslots.Find(0)!.LargePages.Allow(0x200);

        var lines = machine.LinesOf(() => machine.Write(0x202));

        Assert.Equal("gfn=200 level=2 old=->S4 fl=907 new=g200 fl=600000000000bf7", lines[0]);
        Assert.Equal("zap gfn=200 l1 root 0", lines[1]);
        Assert.Equal("gfn=200 level=1 old=0 new=np:5a0", lines[2]);
        Assert.Equal("gfn=201 level=1 old=g201 fl=600000000000b77 new=np:5a0", lines[3]);
        Assert.Equal("flush", lines[^1]);
        Assert.Equal(1 + 1 + 512 + 1, lines.Count);
        Assert.Equal((0L, 1L), (machine.Vm.Stats.Pages(1), machine.Vm.Stats.Pages(2)));
    }

    [Fact]
    public void Executing_with_the_NX_mitigation_gets_small_pages_and_the_table_is_accounted()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochs with { NxHugePages = true }, HostBacking.Thp);

        Assert.Equal("g0 fl=600000000000bf3", Leaf(machine, () => machine.Write(0x100)));
        Assert.Equal("g100 fl=600000000000b77", Leaf(machine, () => machine.Execute(0x100)));

        Assert.Equal(1, machine.Vm.Stats.NxLpageSplits);
        Assert.Same(machine.Last(0x100).Page, machine.Vm.NxHugePages.Oldest);

        static string Leaf(TdpMachine machine, Action fault) => machine.LinesOf(fault)[^1].Split("new=")[1];
    }

    [Fact]
    public void Data_next_to_code_goes_into_the_same_table_instead_of_a_huge_page_that_would_remove_it()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochs with { NxHugePages = true }, HostBacking.Thp);
        machine.Execute(0x100);

        Assert.Equal(["gfn=101 level=1 old=0 new=g101 fl=600000000000b77"], machine.LinesOf(() => machine.Write(0x101)));
    }

    [Fact]
    public void Recovering_a_split_takes_the_table_away_under_the_write_lock_only_present_entries_are_marked()
    {
        var machine = new TdpMachine(HostProfiles.IntelBochs with { NxHugePages = true }, HostBacking.Thp);
        machine.Execute(0x100);

        var lines = machine.LinesOf(() => machine.Vm.TdpMmu.ZapPage(machine.Vm.NxHugePages.Oldest!));

        Assert.Equal(
            [
                "gfn=0 level=2 old=->S4 fl=907 new=0",
                "zap gfn=0 l1 root 0",
                "gfn=100 level=1 old=g100 fl=600000000000b77 new=np:5a0",
            ],
            lines);
        Assert.Null(machine.Vm.NxHugePages.Oldest);
        Assert.Equal(0, machine.Vm.Stats.NxLpageSplits);
    }

    [Fact]
    public void A_leaf_write_names_its_maker_and_the_chain_that_led_there()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);

        var leaf = machine.Log.Writes[^1];

        Assert.Equal(KvmFunction.TdpMmuSetSpteAtomic, leaf.Function);
        Assert.Equal("kvm_tdp_mmu_map > tdp_mmu_map_handle_target_level > tdp_mmu_set_spte_atomic", machine.Log.Chain(leaf.ChainId));
        Assert.Equal(Tracepoint.KvmTdpMmuSpteChangedAndSetSpte, leaf.Tracepoint);
        Assert.Equal("kvm_tdp_mmu_map > tdp_mmu_link_sp > tdp_mmu_set_spte_atomic", machine.Log.Chain(machine.Log.Writes[0].ChainId));
    }

    [Fact]
    public void A_walk_gives_the_entries_of_every_level_it_came_by()
    {
        var machine = new TdpMachine();
        machine.Write(0x200);
        var entries = new Spte[6];

        Assert.Equal(1, machine.Vm.TdpMmu.GetWalk(machine.Root, 0x200, entries));
        Assert.Equal("g200 fl=600000000000b77", machine.Log.Entry(entries[1].Raw));
        Assert.Equal("->S2 fl=907", machine.Log.Entry(entries[4].Raw));

        Assert.Equal(2, machine.Vm.TdpMmu.GetWalk(machine.Root, 0x800, entries));
        Assert.Equal(2, machine.Last(0x800).Level);
        Assert.False(machine.Last(0x800).Value.IsShadowPresent);
    }
}
