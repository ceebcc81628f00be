using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A15: when shadow pages run short, the oldest go.</summary>
public sealed class A15_RecyclingTests
{
    private static readonly HostProfile Few = HostProfiles.Intel with { MaxMmuPages = 32 };

    [Fact]
    public void Without_a_limit_of_userspace_a_fiftieth_of_memory_may_be_shadow_pages_but_64_at_least()
    {
        Assert.Equal((long)DirectMachine.MemoryPages / 50, new DirectMachine().Vm.ShadowMmu.Recycler.MaxPages);
        Assert.Equal(64, new DirectMachine(shape: new MemslotShape(PageCount: 512)).Vm.ShadowMmu.Recycler.MaxPages);
    }

    [Fact]
    public void The_oldest_pages_are_zapped_first_and_roots_are_spared()
    {
        var machine = new DirectMachine(Few);
        var made = 4;
        for (var i = 0UL; machine.Vm.Stats.MmuRecycled == 0; i++, made++)
            machine.Fresh().Write(i << 21);
        var zapped = machine.Log.Pages.Where(page => page.Operation == PageOperation.Zap).ToList();
        Assert.Equal([2, 3, 4], zapped.Take(3).Select(page => page.TableId));
        Assert.DoesNotContain(zapped, page => page.Level == 4);
        Assert.Equal(21, zapped.Count);
        Assert.Equal(machine.Vm.Stats.MmuRecycled, zapped.Count);
        new MmuAudit(machine.Vm).Check();
    }

    [Fact]
    public void The_zapped_pages_are_unlinked_and_freed_after_one_flush()
    {
        var machine = new DirectMachine(Few);
        for (var i = 0UL; machine.Vm.Stats.MmuRecycled == 0; i++)
            machine.Fresh().Write(i << 21);
        var flush = Assert.Single(machine.Log.Flushes, flush => flush.Kind == FlushKind.Remote);
        Assert.All(machine.Log.Pages.Where(page => page.Operation == PageOperation.Zap), page => Assert.True(page.Seq < flush.Seq));
        Assert.All(machine.Log.Pages.Where(page => page.Operation == PageOperation.Free), page => Assert.True(page.Seq > flush.Seq));
        Assert.EndsWith(
            "make_mmu_pages_available > kvm_mmu_zap_oldest_mmu_pages > __kvm_mmu_prepare_zap_page",
            machine.Log.Chain(machine.Log.Pages.First(page => page.Operation == PageOperation.Zap).ChainId),
            StringComparison.Ordinal);
    }

    [Fact]
    public void The_number_of_pages_in_use_never_passes_the_limit()
    {
        var machine = new DirectMachine(Few);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0UL; i < 32; i++)
            {
                machine.Write(i << 21);
                Assert.InRange(machine.Vm.ShadowMmu.UsedMmuPages, 1, 32);
            }
        }

        new MmuAudit(machine.Vm).Check();
    }

    /// <summary>6.12 looks first whether memory changed under the fault, 6.1 makes room before it does.</summary>
    [Theory]
    [InlineData("6.1", true)]
    [InlineData("6.12", false)]
    public void A_fault_that_is_stale_makes_room_or_none(string kernel, bool makesRoom)
    {
        var machine = new DirectMachine(Few, new HostBacking { Populated = false }, kernel: KvmBehaviour.Find(kernel));
        for (var i = 0UL; machine.Vm.ShadowMmu.UsedMmuPages <= 32 - 5; i++)
            machine.Read(i << 21);
        machine.Vm.HostMemory.Notifier = new A05_PhaseTests.InvalidatingNotifier(machine.Vm);
        Assert.Equal(0, machine.Vm.Stats.MmuRecycled);
        machine.Fresh().Write(0);
        Assert.Equal(RetPf.Retry, machine.Log.Faults.First().Outcome);
        Assert.Equal(makesRoom, machine.Vm.Stats.MmuRecycled > 0);
    }

    [Fact]
    public void A_freed_frame_is_used_again_under_a_new_number()
    {
        var machine = new DirectMachine(Few);
        for (var i = 0UL; i < 64; i++)
            machine.Write((i & 31) << 21);
        var created = machine.Log.Created.ToList();
        Assert.Equal(created.Count, created.Select(page => page.TableId).Distinct().Count());
        Assert.True(created.Select(page => page.Pfn).Distinct().Count() <= 32);
    }
}
