using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A11: neighbours are mapped as well.</summary>
public sealed class A11_PrefetchTests
{
    [Fact]
    public void Touching_512_pages_in_order_takes_64_faults()
    {
        var machine = new DirectMachine();
        Assert.Equal(64, FaultsOfAscendingTouch(machine));
        Assert.Equal(512, machine.Vm.Stats.Pages(1));
    }

    [Fact]
    public void Touching_512_pages_that_the_host_has_yet_to_bring_in_takes_512_faults() =>
        Assert.Equal(512, FaultsOfAscendingTouch(new DirectMachine(backing: new HostBacking { Populated = false })));

    [Fact]
    public void Without_accessed_bits_nothing_is_prefetched() =>
        Assert.Equal(512, FaultsOfAscendingTouch(new DirectMachine(HostProfiles.IntelNoAd)));

    [Fact]
    public void In_a_slot_whose_dirty_pages_are_logged_nothing_is_prefetched() =>
        Assert.Equal(512, FaultsOfAscendingTouch(new DirectMachine(logDirty: true)));

    [Fact]
    public void The_eight_aligned_neighbours_are_mapped_in_order_without_the_accessed_bit()
    {
        var machine = new DirectMachine();
        machine.Write(0x200000);
        machine.Fresh().Write(0x205000);
        machine.Fresh().Write(0x20a000);
        Assert.Equal([10, 8, 9, 11, 12, 13, 14, 15], machine.Log.Writes.Select(write => (int)write.Index));
        Assert.Equal(0x600000000000b77UL, machine.Log.Writes[0].New & ~Spte.BaseAddressMask);
        Assert.All(machine.Log.Writes.Skip(1), write => Assert.Equal(0x600000000000a77UL, write.New & ~Spte.BaseAddressMask));
    }

    [Fact]
    public void What_is_mapped_already_is_left_alone()
    {
        var machine = new DirectMachine();
        machine.Write(0x200000);
        var entry = machine.Last(0x203000);
        machine.Vm.ShadowMmu.Rmap.DropSpte(entry);
        machine.Fresh().Write(0x203000);
        Assert.Equal([3], machine.Log.Writes.Select(write => (int)write.Index));
    }

    [Fact]
    public void During_an_invalidation_elsewhere_nothing_is_prefetched()
    {
        var machine = new DirectMachine();
        machine.Write(0x200000);
        machine.Vm.Invalidation.Begin();
        machine.Fresh().Write(0x208000);
        Assert.Empty(machine.Log.Writes);
    }

    [Fact]
    public void A_huge_page_has_no_neighbours_mapped_with_it()
    {
        var machine = new DirectMachine(backing: HostBacking.Thp).Fresh();
        machine.Write(0x200000);
        Assert.Single(machine.Log.Writes, write => write.Level == 2);
    }

    [Fact]
    public void The_prefetched_pages_make_one_fault_of_eight_writes()
    {
        var machine = new DirectMachine();
        machine.Write(0x200000);
        machine.Fresh().Write(0x208000);
        Assert.Equal(8, machine.Log.Faults.Single().Writes);
        Assert.EndsWith(
            "direct_map > __direct_pte_prefetch > direct_pte_prefetch_many > mmu_set_spte",
            machine.Log.Chain(machine.Log.Writes[7].ChainId),
            StringComparison.Ordinal);
    }

    private static int FaultsOfAscendingTouch(DirectMachine machine)
    {
        machine.Log.Clear();
        for (var gpa = 0x200000UL; gpa < 0x400000; gpa += 0x1000)
        {
            if (!machine.Last(gpa).Value.IsShadowPresent || machine.Last(gpa).Level > 1)
                machine.Write(gpa);
        }

        return machine.Log.Faults.Count;
    }
}
