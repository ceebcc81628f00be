using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour C3: shadow pages are found by gfn and role.</summary>
public sealed class C03_PageCacheTests
{
    private const ulong One = 0x0040_0000;
    private const ulong Other = 0x80_0040_0000;

    /// <summary>Two root entries name one and the same PDPT.</summary>
    private static ShadowMachine Sharing(ulong otherRights)
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(One, 0x5000 | P | W | U);
        machine.Guest.Memory.Store(machine.Guest.Root + 8, 0x10_1000 | otherRights, 8);
        return machine.Enter();
    }

    [Fact]
    public void A_table_reached_with_the_same_rights_is_shadowed_once()
    {
        var machine = Sharing(P | W | U);
        machine.Write(One);
        machine.Fresh().Write(Other);
        Assert.Equal(["find 101 l3"], machine.PageLines());
        Assert.Equal(["__link_shadow_page L4[1] 0 -> 827", "mmu_set_spte L1[0] e67 -> e27"], machine.WriteLines());
        machine.PageOf(0x101);
    }

    [Fact]
    public void A_table_reached_with_other_rights_is_shadowed_again()
    {
        var machine = Sharing(P);
        machine.Write(One);
        machine.Fresh().Read(Other);
        Assert.Equal(["create 101 l3", "create 102 l2", "create 103 l1"], machine.PageLines());
        Assert.Equal(
            [PteAccess.All, PteAccess.Exec],
            machine.PagesOf(0x103).Select(page => page.Role.Access).OrderDescending());
        machine.Audit();
    }

    [Fact]
    public void A_page_of_an_older_generation_is_not_found()
    {
        var machine = Sharing(P | W | U);
        machine.Write(One);
        machine.Vm.ShadowMmu.Recycler.BeginGeneration();
        machine.Vm.MakeAllCpusRequest(VcpuRequests.MmuFreeObsoleteRoots);
        machine.Vm.ShadowMmu.Recycler.ZapObsolete();
        machine.Fresh().Read(One);
        Assert.Equal(
            ["zap 100 l4", "create 100 l4", "create 101 l3", "create 102 l2", "create 103 l1"],
            machine.PageLines());
    }

    [Fact]
    public void An_unsync_page_that_is_found_for_another_parent_gets_the_guests_entries_and_stays_unsync()
    {
        var machine = Sharing(P | W | U);
        machine.Guest.Map(0x60_0000, 0x10_3000 | P | W | U);
        machine.Write(One);
        Assert.Equal(AccessOutcome.Completed, machine.Store(0x60_0000, 0x10_3000, 0x6000 | P | W | U | A | D));
        Assert.True(machine.PageOf(0x103).Unsync);

        // Another directory entry for the same table.
        machine.Guest.Memory.Store(0x10_2000 + (9 * 8), 0x10_3000 | P | W | U, 8);
        machine.Fresh().Read(0x120_0000);
        Assert.Equal(["find 103 l1"], machine.PageLines());
        Assert.True(machine.PageOf(0x103).Unsync);
        Assert.Equal(1UL << 2 | 1UL << 9, machine.PageOf(0x102).UnsyncChildBitmap![0]);
        Assert.Equal(machine.FrameOf(6), machine.Last(One).Value.Pfn);
        machine.Audit();
    }

    [Fact]
    public void Misses_count()
    {
        var machine = Sharing(P | W | U);
        machine.Write(One);
        Assert.Equal(4, machine.Stats.MmuCacheMiss);
        machine.Write(Other);
        Assert.Equal(4, machine.Stats.MmuCacheMiss);
    }
}
