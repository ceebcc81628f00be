using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Memslots of KVM's own. The APIC's page is mapped under APICv, emulated without an entry otherwise, and MMIO where there is no such slot.</summary>
public sealed class PrivateMemslotTests
{
    private const ulong Apic = 0xfee0_0000;

    [Fact]
    public void Under_APICv_the_APIC_page_is_mapped_once()
    {
        var machine = new DirectMachine(HostProfiles.IntelIceLake).Fresh();
        Assert.Equal(ExitResult.Retry, machine.Write(Apic + 0x300));
        var leaf = Assert.Single(machine.Log.Writes, write => write.Level == PgLevel.Size4K && write.Gfn == Apic >> 12);
        Assert.True(new Spte(leaf.New).IsWritable);
        Assert.DoesNotContain(machine.Log.Writes, write => write.Tracepoint == Tracepoint.MarkMmioSpte);
    }

    [Fact]
    public void Where_APICv_is_inhibited_each_access_is_emulated_and_leaves_no_entry()
    {
        var machine = new DirectMachine(HostProfiles.IntelIceLake with { Apicv = false }).Fresh();
        for (var i = 0; i < 3; i++)
            Assert.Equal(ExitResult.Emulated, machine.Write(Apic + 0x300));
        Assert.DoesNotContain(machine.Log.Writes, write => write.Gfn == Apic >> 12);
        Assert.Equal(3, machine.Log.Faults.Count(fault => fault.Outcome == RetPf.Emulate));
    }

    [Fact]
    public void Without_the_slot_the_APIC_page_is_MMIO()
    {
        var machine = new DirectMachine(HostProfiles.Intel).Fresh();
        Assert.Equal(ExitResult.Emulated, machine.Write(Apic + 0x300));
        Assert.Contains(machine.Log.Writes, write => write.Tracepoint == Tracepoint.MarkMmioSpte && write.Gfn == Apic >> 12);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 3)]
    public void Without_unrestricted_guest_there_are_the_TSS_and_the_identity_map_too(bool unrestricted, int slots)
    {
        var machine = new DirectMachine(HostProfiles.IntelIceLake with { UnrestrictedGuest = unrestricted });
        var own = machine.Vm.Memslots.All.ToArray().Where(slot => slot.IsPrivate).ToList();
        Assert.Equal(slots, own.Count);
        Assert.Contains(own, slot => slot.BaseGfn == Apic >> 12);
        Assert.Equal(!unrestricted, own.Exists(slot => slot.BaseGfn == 0xfeffd && slot.PageCount == 3));
        Assert.Equal(!unrestricted, own.Exists(slot => slot.BaseGfn == 0xfeffc));
    }

    /// <summary>Up to Linux 6.5 KVM reads the entry there, which no capture knows; later the walk ends before it.</summary>
    [Theory]
    [InlineData("6.1", 1)]
    [InlineData("6.12", 0)]
    public void A_guest_table_in_one_of_them_is_a_fault_of_the_guest(string kernel, int reads)
    {
        const ulong gva = 0x40_0000;
        const ulong tss = 0xfeff_d000;
        var machine = new ShadowMachine(profile: HostProfiles.IntelIceLake, kernel: KvmBehaviour.Find(kernel));
        Assert.True(machine.Vm.Memslots.Find(tss >> 12)!.IsPrivate);
        machine.Guest.Map(gva, tss | GuestTableBuilder.P | GuestTableBuilder.W, level: 2);

        Assert.Equal(AccessOutcome.InjectedPageFault, machine.Enter().Read(gva));

        Assert.Equal(0U, machine.Vcpu.InjectedErrorCode);
        Assert.Equal(reads, machine.Log.Notes.Count(note => note.Kind == ModelNote.UnknownTableContent && note.Recorded == tss));
    }

    [Fact]
    public void Userspace_neither_reaches_nor_takes_them()
    {
        var machine = new DirectMachine(HostProfiles.IntelIceLake);
        Assert.False(machine.Vm.HostEvents.DirtyLogOn(Apic));
        Assert.Equal(MemslotResult.Overlaps, machine.Vm.HostEvents.Memslot(new MemslotChange { Slot = 9, Gpa = Apic, Size = 4096 }));
        Assert.Equal(MemslotResult.Invalid, machine.Vm.HostEvents.Memslot(new MemslotChange { Slot = 32765, Gpa = Apic, Size = 0 }));
    }

    [Fact]
    public void A_device_access_that_ends_in_the_APIC_page_is_no_disagreement()
    {
        var session = new ReplaySession(
            new CaptureManifest { Source = "test", Tool = "test", MemoryBytes = 1 << 20 },
            new ReplayOptions { Mode = MmuMode.Ept, Profile = HostProfiles.IntelIceLake },
            new SilentHistory());
        var chunk = new TraceChunk();
        chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Size = 1 << 20 }) });
        chunk.Events.Add(new TraceEvent { Ordinal = 1, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(new VcpuState { Cr0 = 0x11 }) });
        for (var i = 2; i < 5; i++)
            chunk.Events.Add(new TraceEvent { Ordinal = i, Kind = TraceEventKind.Mmio, Access = AccessKind.Write, Gva = Apic, Gpa = Apic, Size = 4, Value = 1 });
        session.Process(chunk);
        var result = session.Finish();
        Assert.True(Verdict.Of(result, []).Holds);
        Assert.Equal([ExitReason.EptViolation], result.ExitsByReason.Keys);
    }
}
