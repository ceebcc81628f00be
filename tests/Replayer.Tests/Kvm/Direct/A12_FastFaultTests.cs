using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A12: a right that KVM itself took away is given back on the fast path.</summary>
public sealed class A12_FastFaultTests
{
    [Theory]
    [InlineData("intel-noad", 0x610000000000877UL, 0x610000000000875UL)]
    [InlineData("amd", 0xe67UL, 0xe65UL)]
    public void A_write_after_the_dirty_log_was_read_gets_W_back_and_marks_the_page(string profile, ulong writable, ulong logged)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile), logDirty: true);
        machine.Write(0x5000);
        var slot = machine.Vm.Memslots.Find(5)!;
        Assert.Equal(0x20UL, slot.DirtyBitmap!.Take(0));
        machine.Vm.ShadowMmu.RmapRanges.WriteProtectMasked(slot, 0, 0x20);
        Assert.Equal(logged, machine.Flags(0x5000));

        machine.Fresh().Write(0x5000);
        Assert.Equal(writable, machine.Flags(0x5000));
        var write = Assert.Single(machine.Log.Writes);
        Assert.Equal((KvmFunction.FastPfFixDirectSpte, Tracepoint.FastPageFault), (write.Function, write.Tracepoint));
        Assert.Equal(RetPf.Fixed, machine.Log.Faults.Single().Outcome);
        Assert.True(slot.DirtyBitmap.Get(5));
        Assert.Equal(1, machine.Vm.Stats.PfFast);
    }

    [Fact]
    public void A_page_protected_because_it_is_a_guest_table_takes_the_slow_path()
    {
        var machine = new DirectMachine(HostProfiles.Amd);
        machine.Write(0x5000);
        machine.Vm.Backends.WriteProtectGfn(machine.Vm.Memslots.Find(5)!, 5, 1);
        Assert.Equal(0xa65UL, machine.Flags(0x5000));
        machine.Fresh().Write(0x5000);
        Assert.Equal(KvmFunction.MmuSetSpte, machine.Log.Writes.Single().Function);
        Assert.Equal(0, machine.Vm.Stats.PfFast);
    }

    [Fact]
    public void A_huge_page_in_a_logged_slot_takes_the_slow_path_and_is_split()
    {
        var machine = new DirectMachine(HostProfiles.Amd, HostBacking.Thp);
        machine.Write(0x600000);
        var slot = machine.Vm.Memslots.Find(0)!;
        var logged = slot.WithLogDirty(true);
        machine.Replace(slot, logged);
        machine.Vm.ShadowMmu.RmapRanges.SlotRemoveWriteAccess(logged, 1);
        machine.Fresh().Write(0x601000);
        Assert.Equal(1, machine.Last(0x601000).Level);
        Assert.Equal(0, machine.Vm.Stats.PfFast);
        Assert.Equal(
            ["mmu_spte_clear_track_bits L2[3] ee5 -> 0", "__link_shadow_page L2[3] 0 -> 827", "mmu_set_spte L1[1] 0 -> e67"],
            machine.WriteLines());
    }

    [Fact]
    public void An_entry_whose_access_is_tracked_gets_its_rights_back()
    {
        var machine = new DirectMachine(HostProfiles.IntelNoAd);
        machine.Write(0x5000);
        var slot = machine.Vm.Memslots.Find(5)!;
        Assert.True(machine.Vm.ShadowMmu.RmapRanges.Age(slot, 5, 6));
        Assert.False(machine.Vm.ShadowMmu.RmapRanges.TestAge(slot, 5, 6));
        Assert.Equal(0UL, machine.Last(0x5000).Value.Raw & 7);
        machine.Fresh().Read(0x5000);
        Assert.Equal(0x610000000000875UL, machine.Flags(0x5000));
        machine.Write(0x5000);
        Assert.Equal(0x610000000000877UL, machine.Flags(0x5000));
        Assert.Equal(2, machine.Vm.Stats.PfFast);
    }

    [Fact]
    public void A_fault_that_the_entry_no_longer_causes_is_spurious()
    {
        var machine = new DirectMachine(HostProfiles.Amd);
        machine.Write(0x5000);
        machine.Fresh().Write(0x5000);
        Assert.Equal(RetPf.Spurious, machine.Log.Faults.Single().Outcome);
        Assert.Equal(1, machine.Vm.Stats.PfFast);
    }
}
