using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours A13 and A14: entries that remember MMIO, and their generation.</summary>
public sealed class A13_A14_MmioTests
{
    [Fact]
    public void The_first_access_leaves_an_entry_that_faults_with_the_gfn_and_the_generation_in_it()
    {
        var machine = new DirectMachine().Fresh();
        Assert.Equal(ExitResult.Emulated, machine.Write(0xfe000010));
        Assert.Equal(0xf8fe000016UL, machine.Last(0xfe000010).Value.Raw);
        var write = machine.Log.Writes[^1];
        Assert.Equal((Tracepoint.MarkMmioSpte, KvmFunction.MarkMmioSpte, 0xfe000UL), (write.Tracepoint, write.Function, write.Gfn));
        Assert.Equal(RetPf.Emulate, machine.Log.Faults.Single().Outcome);
        Assert.Equal(1, machine.Vm.Stats.PfMmioSpteCreated);
        Assert.Equal(0, machine.Log.Faults.Single().MappedLevel);
    }

    [Fact]
    public void On_AMD_the_entry_has_a_reserved_bit_set()
    {
        var machine = new DirectMachine(HostProfiles.Amd);
        machine.Write(0xfe000010);
        Assert.Equal(1UL << 51 | 0xfe000017, machine.Last(0xfe000010).Value.Raw);
        Assert.True(machine.Vm.Format.IsMmio(machine.Last(0xfe000010).Value));
        Assert.Equal(0xfe000UL, machine.Vm.Format.MmioGfn(machine.Last(0xfe000010).Value));
    }

    [Fact]
    public void The_next_access_is_emulated_without_a_write()
    {
        var machine = new DirectMachine();
        machine.Write(0xfe000010);
        machine.Write(0xfe001010);
        Assert.Equal(ExitResult.Emulated, machine.Fresh().Misconfig(0xfe000020));
        Assert.Equal(ExitResult.Emulated, machine.Misconfig(0xfe000028));
        Assert.Empty(machine.Log.Writes);
        Assert.All(machine.Log.Faults, fault => Assert.Equal((KvmFunction.HandleMmioPageFault, RetPf.Emulate), (fault.Handler, fault.Outcome)));
    }

    [Fact]
    public void After_a_change_of_memslots_the_entry_is_made_anew()
    {
        var machine = new DirectMachine();
        machine.Write(0xfe000010);
        machine.AddSlot(new Memslot(1, 0x8000, 16, 0x8000_0000));
        machine.Fresh().Misconfig(0xfe000010);
        Assert.Equal(0xf8fe000026UL, machine.Last(0xfe000010).Value.Raw);
        Assert.Equal(KvmFunction.KvmTdpPageFault, machine.Log.Faults.Single().Handler);
    }

    [Fact]
    public void A_misconfiguration_whose_entry_is_gone_is_retried()
    {
        var machine = new DirectMachine();
        Assert.Equal(ExitResult.Retry, machine.Fresh().Misconfig(0xfe000010));
        Assert.Equal(RetPf.Retry, machine.Log.Faults.Single().Outcome);
        Assert.Empty(machine.Log.Writes);
    }

    [Fact]
    public void Without_MMIO_caching_every_access_is_emulated_and_nothing_is_written()
    {
        var machine = new DirectMachine(HostProfiles.Intel with { MmioCaching = false }).Fresh();
        Assert.Equal(ExitResult.Emulated, machine.Write(0xfe000010));
        Assert.Empty(machine.Log.Writes);
    }

    [Fact]
    public void A_slot_that_comes_where_MMIO_was_is_mapped()
    {
        var machine = new DirectMachine();
        machine.Write(0x8000010);
        machine.AddSlot(new Memslot(1, 0x8000, 16, 0x8000_0000));
        Assert.Equal(ExitResult.Retry, machine.Misconfig(0x8000010));
        Assert.True(machine.Last(0x8000010).Value.IsShadowPresent);
    }
}
