using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Flushes that are asked for and made at the next entry, and translations dropped before a fault is handed to the guest.</summary>
public sealed class FlushRequestTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void SMEP_turned_on_asks_for_a_flush_and_turned_off_for_none()
    {
        var machine = Mapped();
        var before = machine.Stats.TlbFlush;
        machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4 | ControlBits.Cr4Smep);
        Assert.Equal(before + 1, machine.Stats.TlbFlush);

        machine.Cpu.Instructions.WriteCr4(machine.Registers.Cr4 & ~ControlBits.Cr4Smep);
        Assert.Equal(before + 1, machine.Stats.TlbFlush);
    }

    [Fact]
    public void A_flush_of_all_is_a_flush_of_the_current_root_too()
    {
        var machine = Mapped();
        machine.Vcpu.Requests |= VcpuRequests.TlbFlush | VcpuRequests.TlbFlushCurrent;
        machine.Enter();
        Assert.Equal([FlushKind.All], machine.Log.Flushes.Select(flush => flush.Kind));
        Assert.Equal(VcpuRequests.None, machine.Vcpu.Requests);
    }

    [Fact]
    public void A_fault_by_rights_drops_the_stale_translation_before_the_guest_gets_it()
    {
        var machine = Mapped();
        MakeReadOnlyUnseen(machine);
        Assert.NotEqual(0UL, machine.Flags(Gva) & W);

        machine.Fresh().Read(Gva, Trace.AccessFlags.User);
        Assert.Single(machine.Log.GuestFaults);
        Assert.Equal(0UL, machine.Flags(Gva) & W);
        Assert.Equal(0UL, machine.Log.Writes.First(write => write.Actor == Actor.Kvm).New);
    }

    [Fact]
    public void A_fault_because_nothing_is_there_drops_nothing()
    {
        var machine = Mapped();
        MakeReadOnlyUnseen(machine);
        machine.Fresh().Read(0x7f00_0000);
        Assert.Single(machine.Log.GuestFaults);
        Assert.NotEqual(0UL, machine.Flags(Gva) & W);
    }

    [Fact]
    public void A_kept_root_that_is_found_without_a_current_one_leaves_no_gap()
    {
        var machine = Mapped();
        ulong[] roots = [machine.Guest.Root, 0x20_0000, 0x20_1000, 0x20_2000];
        foreach (var root in roots[1..])
        {
            machine.Guest.Memory.SetPage(root >> 12, []);
            machine.Cpu.Instructions.WriteCr3(root);
        }

        var context = machine.Vcpu.Mmu;
        machine.Vm.ShadowMmu.Roots.Free(context, MmuRootSet.Current);
        machine.Fresh().Vm.ShadowMmu.RootCache.NewPgd(machine.Vcpu, roots[1]);

        Assert.Equal(roots[1], context.Root.Pgd);
        Assert.Equal([roots[2], roots[0]], context.PreviousRoots.ToArray().Where(root => root.IsValid).Select(root => root.Pgd));
        Assert.Equal([true, true, false], context.PreviousRoots.ToArray().Select(root => root.IsValid));
    }

    /// <summary>The guest's entry loses the right to write while its table is unsync and no INVLPG follows.</summary>
    private static void MakeReadOnlyUnseen(ShadowMachine machine)
    {
        machine.Guest.Map(0x60_0000, 0x10_3000 | P | W);
        machine.Store(0x60_0000, 0x10_3000, 0x5000 | P | A | D);
        Assert.True(machine.PageOf(0x103).Unsync);
    }

    private static ShadowMachine Mapped()
    {
        var machine = new ShadowMachine(profile: HostProfiles.Amd);
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        return machine.Fresh();
    }
}
