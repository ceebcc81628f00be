using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>What Linux 6.12 does unlike 6.1, on EPT, where no machine was recorded, and in what no recording shows.</summary>
public sealed class KernelTests
{
    private const ulong Bit63 = 1UL << 63;

    [Theory]
    [InlineData("6.17.2", "6.12")]
    [InlineData("6.10 or later", "6.12")]
    [InlineData("v6.11", "6.12")]
    [InlineData("6.9.7", "6.1")]
    [InlineData("before 6.10", "6.1")]
    [InlineData("5.15.0-91-generic", "6.1")]
    [InlineData("6.1.176", "6.1")]
    [InlineData("unknown", "6.1")]
    public void A_release_that_is_not_modelled_has_a_nearest_one(string release, string nearest) => Assert.Equal(nearest, KvmBehaviour.NearestTo(release).Name);

    [Fact]
    public void Entries_that_hold_nothing_have_bit_63_and_so_have_present_EPT_entries()
    {
        var machine = new TdpMachine(kernel: KvmBehaviour.Linux612);
        machine.Write(0x234);
        var leaf = machine.Last(0x234);

        Assert.Equal(0x8600_0000_0000_0b77, leaf.Value.Raw & ~Spte.BaseAddressMask);
        Assert.Equal(Bit63, leaf.Page[(leaf.Index + 1) & 511].Raw);
        Assert.Equal(Bit63 | 0x907, machine.Root[0].Raw & ~Spte.BaseAddressMask);
        Assert.Equal(1, leaf.Page.FilledCount);
    }

    [Fact]
    public void An_MMIO_entry_of_EPT_has_bit_63_clear_and_is_told_from_an_empty_one()
    {
        var format = SpteFormats.For(MmuMode.EptTdp, HostProfiles.Intel, KvmBehaviour.Linux612);
        var mmio = format.MakeMmio(0xfe000, PteAccess.All, 2);

        Assert.Equal(0UL, mmio.Raw & Bit63);
        Assert.True(format.IsMmio(mmio));
        Assert.False(format.IsMmio(new Spte(Bit63)));
        Assert.False(format.IsMmio(new Spte(KvmBehaviour.Linux612.FrozenSpte)));
        Assert.True(new Spte(KvmBehaviour.Linux612.FrozenSpte).IsRemoved);
    }

    [Theory]
    [InlineData("6.1", 1)]
    [InlineData("6.12", 512)]
    public void A_huge_page_in_the_way_of_a_small_one_is_zapped_or_split(string kernel, int mapped)
    {
        var machine = new TdpMachine(backing: HostBacking.Thp, kernel: KvmBehaviour.Find(kernel));
        machine.Write(0x234);
        Assert.Equal(PgLevel.Size2M, machine.Last(0x234).Level);
        machine.Vm.Memslots.Find(0x234)!.LargePages.Disallow(0x200);

        Assert.Equal(RetPf.Fixed, machine.Execute(0x235));

        Assert.Equal(PgLevel.Size4K, machine.Last(0x235).Level);
        // What was split maps the page already, as writable: make_spte() then leaves the dirty bit to the old entry.
        Assert.Equal(mapped == 1, (machine.Last(0x235).Value.Raw & 1 << 9) != 0);
        Assert.Equal(mapped, machine.Last(0x235).Page.FilledCount);
        Assert.Equal(mapped, machine.Vm.Stats.Pages(PgLevel.Size4K));
        Assert.Equal(0, machine.Vm.Stats.Pages(PgLevel.Size2M));
    }

    [Fact]
    public void A_root_is_emptied_from_its_leaves_up()
    {
        var machine = new TdpMachine(kernel: KvmBehaviour.Linux612);
        machine.Write(0x234);
        machine.Write(0x1234);
        machine.Log.Take();

        machine.Vm.TdpMmu.ZapAll();

        var levels = machine.Log.Take().Where(line => line.StartsWith("gfn=", StringComparison.Ordinal)).Select(line => line[line.IndexOf("level=", StringComparison.Ordinal) + 6]);
        Assert.Equal("112234", string.Concat(levels));
    }

    [Fact]
    public void An_atomic_zap_leaves_the_frozen_mark_for_the_time_of_the_flush_alone()
    {
        var machine = new TdpMachine(kernel: KvmBehaviour.Linux612, backing: HostBacking.Thp, logDirty: true);
        machine.Write(0x234);
        var table = machine.Last(0x234).Page;
        var slot = machine.Vm.Memslots.Find(0x234)!;
        var unlogged = slot.WithLogDirty(false);
        machine.Vm.Memslots.BeginSwap();
        machine.Vm.Memslots.Replace(slot, unlogged);
        machine.Vm.Memslots.EndSwap();

        machine.Vm.TdpMmu.ZapCollapsible(unlogged);

        Assert.Equal(Bit63, table.ParentEntry!.Value.Value.Raw);
    }

    [Fact]
    public void Lists_longer_than_14_grow_at_their_head()
    {
        var lists = PteLists.For(KvmBehaviour.Linux612);
        var head = 0;
        for (var i = 1; i <= 30; i++)
            Assert.Equal(i - 1, lists.Add(ref head, i));

        Assert.Equal([29, 30, .. Enumerable.Range(15, 14), .. Enumerable.Range(1, 14)], Entries(lists, head));
        lists.Remove(ref head, 3);
        Assert.Equal([29, .. Enumerable.Range(15, 14), 1, 2, 30, .. Enumerable.Range(4, 11)], Entries(lists, head));
        lists.Remove(ref head, 29);
        Assert.Equal(28, lists.Count(head));
        Assert.Equal(15, Entries(lists, head)[0]);
    }

    [Fact]
    public void Outcomes_have_each_kernels_numbers()
    {
        Assert.Equal([0, 1, 2, 3, 4, 5], KvmBehaviour.Linux61.RetPfOrder.Select(KvmBehaviour.Linux61.Number));
        Assert.Equal(3, KvmBehaviour.Linux612.Number(RetPf.WriteProtected));
        Assert.Equal(RetPf.Fixed, KvmBehaviour.Linux612.Outcome(5));
        Assert.Null(KvmBehaviour.Linux61.Outcome(6));
        Assert.Throws<InvariantViolation>(() => KvmBehaviour.Linux61.Number(RetPf.WriteProtected));
    }

    [Fact]
    public void A_release_belongs_to_the_kernel_that_it_begins_with()
    {
        Assert.Same(KvmBehaviour.Linux61, KvmBehaviour.OfRelease("6.1.176"));
        Assert.Same(KvmBehaviour.Linux612, KvmBehaviour.OfRelease("6.12.95"));
        Assert.Null(KvmBehaviour.OfRelease("6.2"));
        Assert.Equal("modelled from source, not checked against a machine", KvmBehaviour.Linux612.Caveat(MmuMode.Ept));
        Assert.Null(KvmBehaviour.Linux612.Caveat(MmuMode.NptTdp));
    }

    private static List<int> Entries(PteLists lists, int head)
    {
        var entries = new List<int>();
        for (var entry = lists.First(head, out var cursor); entry != 0; entry = lists.Next(ref cursor))
            entries.Add(entry);
        return entries;
    }
}
