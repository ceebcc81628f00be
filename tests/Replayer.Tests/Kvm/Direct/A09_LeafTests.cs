using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A9: the leaf. Values as seen on real kernels.</summary>
public sealed class A09_LeafTests
{
    [Theory]
    [InlineData("intel", 0x600000000000b77UL)]
    [InlineData("intel-noad", 0x610000000000877UL)]
    [InlineData("amd", 0xe67UL)]
    public void A_small_page_has_the_value_seen_on_the_vendors_kernel(string profile, ulong flags)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile));
        machine.Write(0x10000c);
        Assert.Equal(flags, machine.Flags(0x10000c));
        Assert.Equal(HostMemory.FirstPfn + 0x100, machine.Last(0x10000c).Value.Pfn);
    }

    [Fact]
    public void A_page_that_the_host_maps_read_only_is_neither_host_nor_MMU_writable()
    {
        var machine = new DirectMachine(backing: new HostBacking { Populated = false });
        machine.Read(0x10000c);
        Assert.Equal(0x975UL, machine.Flags(0x10000c));
        Assert.Equal(HostMemory.ZeroPagePfn, machine.Last(0x10000c).Value.Pfn);
    }

    [Fact]
    public void A_fault_whose_entry_is_right_already_is_spurious_and_writes_nothing()
    {
        var machine = new DirectMachine(backing: new HostBacking { Populated = false });
        machine.Read(0x10000c);
        machine.Fresh().Read(0x10000c);
        Assert.Equal(RetPf.Spurious, machine.Log.Faults.Single().Outcome);
        Assert.Empty(machine.Log.Writes);
        Assert.Equal(1, machine.Vm.Stats.PfSpurious);
    }

    /// <summary>make_spte() of 6.1 leaves D alone where the entry was writable before.</summary>
    [Fact]
    public void A_slow_fault_on_a_writable_entry_takes_its_dirty_bit_away()
    {
        var machine = new DirectMachine();
        machine.Read(0x10000c);
        machine.Fresh().Read(0x10000c);
        Assert.Equal(["mmu_set_spte L1[256] 600000000000b77 -> 600000000000977"], machine.WriteLines());
        Assert.Contains(machine.Log.Flushes, flush => flush.Kind == FlushKind.RemoteRange);
    }

    [Fact]
    public void A_huge_page_takes_the_place_of_a_table_which_is_unlinked_first_and_flushed()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp);
        var slot = machine.Vm.Memslots.Find(0x600)!;
        slot.LargePages.Disallow(0x7ff);
        machine.Read(0x600000);
        slot.LargePages.Allow(0x7ff);
        machine.Fresh().Read(0x700000);
        Assert.Equal(["drop_parent_pte L2[3] 907 -> 0", "mmu_set_spte L2[3] 0 -> 600000000000bf7"], machine.WriteLines());
        var flush = Assert.Single(machine.Log.Flushes, flush => flush.Kind == FlushKind.RemoteRange);
        Assert.Equal((0x600UL, 512UL), (flush.Start, flush.Pages));
    }

    [Fact]
    public void Another_frame_is_mapped_only_after_the_old_one_is_cleared_and_flushed()
    {
        var machine = new DirectMachine();
        machine.Read(0x5000);
        machine.Vm.HostMemory.Share(0x5000);
        machine.Fresh().Handle(new Replay.Replayer.Kvm.VmExit { Reason = ExitReason.EptViolation, Info1 = 0x181, Info2 = 0x5000 });
        Assert.Equal(
            ["mmu_spte_clear_track_bits L1[5] 600000000000b77 -> 0", "mmu_set_spte L1[5] 0 -> 975"],
            machine.WriteLines());
        Assert.Contains(machine.Log.Flushes, flush => flush is { Kind: FlushKind.RemoteRange, Start: 5, Pages: 1 });
    }

    [Fact]
    public void A_prefetched_page_that_is_used_later_gets_its_accessed_bit_from_the_CPU_alone()
    {
        var machine = new DirectMachine();
        machine.Read(0x5000);
        Assert.Equal(0x600000000000a77UL, machine.Flags(0x4000));
        machine.Fresh().Vm.Writer.SetByHardware(machine.Last(0x4000).Page, 4, machine.Vm.Format.AccessedMask, 4);
        var write = Assert.Single(machine.Log.Writes);
        Assert.Equal((Actor.Hardware, KvmFunction.None, 0x600000000000b77UL), (write.Actor, write.Function, write.New & ~Spte.BaseAddressMask));
    }
}
