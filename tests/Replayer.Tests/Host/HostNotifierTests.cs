using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Host;

/// <summary>Rows F1 to F3: the host takes memory away, gives other memory, asks what was used.</summary>
public sealed class HostNotifierTests
{
    private static readonly HostBacking Lazy = new() { Populated = false };

    public static TheoryData<MmuMode> Modes => [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.NptTdp];

    [Theory]
    [MemberData(nameof(Modes))]
    public void An_invalidated_page_is_unmapped_flushed_and_faulted_in_again(MmuMode mode)
    {
        var machine = new HostMachine(mode, logDirty: true);
        machine.Write(0x200);
        machine.Write(0x201);

        var lines = machine.LinesOf(() => machine.Events.Invalidate(0x200000, 0x1000));

        Assert.Equal(2, lines.Count);
        Assert.EndsWith("new=0", lines[0], StringComparison.Ordinal);
        Assert.Equal("flush", lines[1]);
        Assert.Null(machine.Translate(0x200));
        Assert.NotNull(machine.Translate(0x201));
        Assert.Equal((1UL, 0), (machine.Vm.Invalidation.Sequence, machine.Vm.Invalidation.InProgress));
        Assert.Equal(RetPf.Fixed, machine.Write(0x200));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_range_without_mappings_owes_no_flush_and_one_without_memslots_is_no_invalidation(MmuMode mode)
    {
        var machine = new HostMachine(mode);

        Assert.Empty(machine.LinesOf(() => machine.Events.Invalidate(0, 0x1000)));
        Assert.Equal(1UL, machine.Vm.Invalidation.Sequence);
        Assert.Empty(machine.LinesOf(() => machine.Events.Invalidate(0x4000_0000, 0x1000)));
        Assert.Equal(1UL, machine.Vm.Invalidation.Sequence);
    }

    /// <summary>The host's memory has more in it than this VM's.</summary>
    [Fact]
    public void What_lies_in_no_memslot_does_not_concern_KVM()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        var beyond = machine.Slot.Hva + (machine.Slot.PageCount << 12);
        machine.Vm.HostMemory.Notifier!.InvalidateRangeStart(beyond, beyond + 0x1000);
        Assert.Equal((0UL, 0), (machine.Vm.Invalidation.Sequence, machine.Vm.Invalidation.InProgress));
        machine.Vm.HostMemory.Notifier!.InvalidateRangeStart(beyond - 0x1000, beyond + 0x1000);
        Assert.Equal(1, machine.Vm.Invalidation.InProgress);
        machine.Vm.HostMemory.Notifier!.InvalidateRangeEnd(beyond - 0x1000, beyond + 0x1000);
        Assert.Equal((1UL, 0), (machine.Vm.Invalidation.Sequence, machine.Vm.Invalidation.InProgress));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_write_that_copies_the_zero_page_unmaps_it_and_must_fault_again(MmuMode mode)
    {
        var machine = new HostMachine(mode, backing: Lazy);
        machine.Read(0x802);
        Assert.Equal(HostMemory.ZeroPagePfn, machine.Translate(0x802));

        Assert.Equal(RetPf.Retry, machine.Fault(0x802, Pferr.Write));
        Assert.Null(machine.Translate(0x802));
        Assert.Equal(RetPf.Fixed, machine.Fault(0x802, Pferr.Write));
        Assert.Equal(HostMemory.FirstPfn + 0x802, machine.Translate(0x802));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_shared_frame_takes_the_place_read_only_and_a_write_copies_it(MmuMode mode)
    {
        var machine = new HostMachine(mode, logDirty: true);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => machine.Events.ChangePte(0x200123));

        Assert.EndsWith("new=0", lines[0], StringComparison.Ordinal);
        Assert.Equal("flush", lines[^1]);
        Assert.Equal(3, lines.Count);
        Assert.Equal(HostMemory.FirstSharedPfn, machine.Translate(0x200));
        var spte = machine.Find(0x200).Value;
        Assert.False(spte.IsWritable || machine.Vm.Format.IsMmuWritable(spte) || machine.Vm.Format.IsHostWritable(spte));

        Assert.Equal(RetPf.Fixed, machine.Write(0x200));
        Assert.Equal(HostMemory.FirstPfn + 0x200, machine.Translate(0x200));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_shared_frame_inside_a_huge_page_splits_it_first(MmuMode mode)
    {
        var machine = new HostMachine(mode, backing: HostBacking.Thp);
        machine.Write(0x200);

        machine.Events.ChangePte(0x234000);

        Assert.Null(machine.Translate(0x234));
        machine.Read(0x234);
        Assert.Equal(HostMemory.FirstSharedPfn, machine.Translate(0x234));
        Assert.Equal(1, machine.Find(0x234).Level);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_shared_frame_at_a_page_that_is_not_mapped_waits_for_the_fault(MmuMode mode)
    {
        var machine = new HostMachine(mode);

        Assert.Empty(machine.LinesOf(() => machine.Events.ChangePte(0x200000)));
        machine.Read(0x200);
        Assert.Equal(HostMemory.FirstSharedPfn, machine.Translate(0x200));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Aging_tells_what_was_used_forgets_it_and_does_not_flush(MmuMode mode)
    {
        var machine = new HostMachine(mode, logDirty: true);
        machine.Write(0x200);

        Assert.True(machine.Events.TestAge(0x200000, 0x1000));
        Assert.False(machine.Events.TestAge(0x201000, 0x1000));
        Assert.Single(machine.LinesOf(() => Assert.True(machine.Events.Age(0, 64 << 20))));
        Assert.Empty(machine.LinesOf(() => Assert.False(machine.Events.Age(0, 64 << 20))));
        Assert.False(machine.Events.TestAge(0x200000, 0x1000));
    }

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.EptTdp)]
    public void Without_AD_bits_an_aged_page_faults_and_the_fast_path_gives_its_rights_back(MmuMode mode)
    {
        var machine = new HostMachine(mode, HostProfiles.IntelBochsNoAd);
        machine.Write(0x200);
        machine.Events.Age(0x200000, 0x1000);
        Assert.Equal("g200 fl=750000000000870", machine.Log.Entry(machine.Find(0x200).Value.Raw));

        Assert.Equal(RetPf.Fixed, machine.Fault(0x200, Pferr.User));
        Assert.Equal("g200 fl=610000000000875", machine.Log.Entry(machine.Find(0x200).Value.Raw));
        Assert.Equal(RetPf.Fixed, machine.Write(0x200));
        Assert.Equal("g200 fl=610000000000877", machine.Log.Entry(machine.Find(0x200).Value.Raw));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Memory_that_the_host_protects_is_unmapped_and_comes_back_read_only(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        machine.Write(0x200);

        machine.Events.Protect(0, 64 << 20, writable: false);
        Assert.Null(machine.Translate(0x200));
        machine.Read(0x200);
        Assert.False(machine.Find(0x200).Value.IsWritable);

        machine.Events.Protect(0, 64 << 20, writable: true);
        machine.Read(0x200);
        Assert.True(machine.Find(0x200).Value.IsWritable);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_huge_page_protected_and_freed_is_read_only_until_it_is_written(MmuMode mode)
    {
        var machine = new HostMachine(mode, backing: HostBacking.Thp);
        machine.Write(0x200);
        machine.Events.Protect(0, 64 << 20, writable: false);
        machine.Events.Protect(0, 64 << 20, writable: true);

        machine.Read(0x200);
        Assert.Equal((2, false), (machine.Find(0x200).Level, machine.Find(0x200).Value.IsWritable));
        machine.Write(0x234);
        Assert.Equal((2, true), (machine.Find(0x200).Level, machine.Find(0x200).Value.IsWritable));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void The_huge_zero_page_is_mapped_huge_split_by_a_write_and_copied_one_page_at_a_time(MmuMode mode)
    {
        var machine = new HostMachine(mode, backing: new HostBacking { HugePages = true, Populated = false });
        machine.Read(0x234);
        Assert.Equal(2, machine.Find(0x234).Level);
        Assert.Equal(HostMemory.HugeZeroPagePfn + 0x34, machine.Translate(0x234));

        Assert.Equal(RetPf.Fixed, machine.Write(0x234));

        Assert.Equal(1, machine.Find(0x234).Level);
        Assert.Equal(HostMemory.FirstPfn + 0x234, machine.Translate(0x234));
        Assert.Null(machine.Translate(0x236));
    }
}
