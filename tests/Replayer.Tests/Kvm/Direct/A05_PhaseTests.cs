using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A5: the order of a fault's phases, and what each can end it with.</summary>
public sealed class A05_PhaseTests
{
    [Fact]
    public void A_write_to_a_tracked_page_that_is_mapped_is_emulated_before_anything_else()
    {
        var machine = new DirectMachine();
        machine.Read(0x5000);
        machine.Vm.Memslots.Find(5)!.Rmaps.WriteTrackCount(5) = 1;
        Assert.Equal(ExitResult.Emulated, machine.Fresh().Write(0x5000));
        Assert.Equal(RetPf.Emulate, machine.Log.Faults.Single().Outcome);
        Assert.Empty(machine.Log.Writes);
        // Nothing shadows the guest's tables: what was written does not matter.
        Assert.Equal(0, machine.Vm.Stats.MmuPteWrite);
    }

    [Fact]
    public void A_read_of_a_tracked_page_is_mapped()
    {
        var machine = new DirectMachine();
        machine.Vm.Memslots.Find(5)!.Rmaps.WriteTrackCount(5) = 1;
        Assert.Equal(ExitResult.Retry, machine.Read(0x5000));
        Assert.True(machine.Last(0x5000).Value.IsShadowPresent);
    }

    [Fact]
    public void A_fault_in_a_slot_that_is_being_deleted_is_retried_and_maps_nothing()
    {
        var machine = new DirectMachine();
        machine.Vm.Memslots.Find(5)!.IsInvalid = true;
        Assert.Equal(ExitResult.Retry, machine.Fresh().Read(0x5000));
        Assert.Equal(RetPf.Retry, machine.Log.Faults.Single().Outcome);
        Assert.Empty(machine.Log.Writes);
    }

    [Fact]
    public void A_fault_during_an_invalidation_is_retried_and_maps_nothing()
    {
        var machine = new DirectMachine();
        machine.Vm.Invalidation.Begin();
        Assert.Equal(ExitResult.Retry, machine.Fresh().Read(0x5000));
        Assert.Empty(machine.Log.Writes);
        machine.Vm.Invalidation.End();
        machine.Read(0x5000);
        Assert.NotEmpty(machine.Log.Writes);
    }

    [Fact]
    public void A_write_to_the_page_of_zeros_copies_it_and_is_retried()
    {
        var machine = new DirectMachine(backing: new HostBacking { Populated = false });
        machine.Read(0x5000);
        Assert.Equal(0x975UL, machine.Flags(0x5000));
        machine.Vm.HostMemory.Notifier = new InvalidatingNotifier(machine.Vm);
        machine.Fresh().Write(0x5000);
        Assert.Equal(RetPf.Retry, machine.Log.Faults.Single().Outcome);
        Assert.False(machine.Last(0x5000).Value.IsShadowPresent);
        machine.Write(0x5000);
        Assert.Equal(0x600000000000b77UL, machine.Flags(0x5000));
    }

    [Fact]
    public void A_write_to_a_read_only_slot_is_emulated()
    {
        var machine = new DirectMachine();
        machine.AddSlot(new Memslot(1, 0x8000, 16, 0x8000_0000, readOnly: true));
        machine.Read(0x8000000);
        Assert.Equal(0x975UL, machine.Flags(0x8000000));
        Assert.Equal(ExitResult.Emulated, machine.Write(0x8000000));
    }

    /// <summary>What the VM's own notifier does, for hosts without one in these tests.</summary>
    internal sealed class InvalidatingNotifier(KvmVm vm) : IMmuNotifier
    {
        public void InvalidateRangeStart(ulong start, ulong end)
        {
            vm.Invalidation.Begin();
            vm.ShadowMmu.RmapRanges.Zap(vm.Memslots.Find(0)!, start >> 12, end >> 12);
        }

        public void InvalidateRangeEnd(ulong start, ulong end) => vm.Invalidation.End();

        public void ChangePte(ulong hva, ulong newPfn, bool writable) =>
            vm.ShadowMmu.RmapRanges.SetPte(vm.Memslots.Find(0)!, hva >> 12, newPfn, writable);
    }
}
