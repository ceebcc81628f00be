using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours D1 and D2: a guest without paging on tables that KVM makes for it.</summary>
public sealed class D01_D02_NonpagingTests
{
    [Fact]
    public void Four_direct_roots_of_a_GiB_each_hang_from_the_PDPTEs()
    {
        var machine = new ShadowMachine(PagingMode.None).Enter();
        Assert.Equal(["create 0 l2", "create 40000 l2", "create 80000 l2", "create c0000 l2"], machine.PageLines());
        Assert.All(machine.Log.Created, page => Assert.Equal(0x1782U, page.Role));
        Assert.Same(machine.Vcpu.Mmu.PaeRoot, machine.Vcpu.Root.Table);
    }

    [Fact]
    public void A_fault_maps_the_page_for_everybody_and_its_followers()
    {
        var machine = new ShadowMachine(PagingMode.None).Enter().Fresh();
        machine.Fetch(0x10_000c);
        Assert.Equal(["create 0 l1"], machine.PageLines());
        Assert.Equal(["__link_shadow_page L2[0] 0 -> 827", "mmu_set_spte L1[256] 0 -> e67"], machine.WriteLines().Take(2));
        Assert.Equal(8, machine.WriteLines().Count(line => line.StartsWith("mmu_set_spte", StringComparison.Ordinal)));
        Assert.Equal(0xe47UL, machine.Flags(0x10_7000));
        Assert.Equal(KvmFunction.NonpagingPageFault, machine.Log.Faults.Single().Handler);
    }

    [Fact]
    public void Huge_pages_are_2M_at_most()
    {
        var machine = new ShadowMachine(PagingMode.None, backing: HostBacking.Thp).Enter();
        machine.Write(0x60_0000);
        Assert.Equal((2, 0xee7UL), (machine.Last(0x60_0000).Level, machine.Flags(0x60_0000)));
    }

    [Fact]
    public void Paging_on_needs_other_roots_and_the_direct_pages_stay_unused()
    {
        var machine = SwitchedOn();
        Assert.Equal(["create 100 l2", "create 100 l2", "create 100 l2", "create 100 l2"], machine.PageLines());
        Assert.Equal(0, machine.PageOf(0x40000).RootCount);
        Assert.True(machine.PageOf(0x40000).Role.Direct);

        machine.Fresh().Write(0x40_0000);
        Assert.Equal(KvmFunction.Paging32PageFault, machine.Log.Faults.Single().Handler);
        machine.Audit();
    }

    [Fact]
    public void Paging_off_again_finds_the_direct_pages_again()
    {
        var machine = SwitchedOn();
        machine.Fresh().Cpu.Instructions.WriteCr0(ControlBits.Cr0Pe);
        Assert.Equal(["find 0 l2", "find 40000 l2", "find 80000 l2", "find c0000 l2"], machine.PageLines());
        Assert.Equal(AccessOutcome.Completed, machine.Fresh().Write(0x6000));
        Assert.Empty(machine.Log.Exits);
    }

    [Fact]
    public void A_page_that_becomes_a_table_loses_W_in_the_direct_pages()
    {
        var machine = new ShadowMachine(PagingMode.None).Enter();
        machine.Guest.Memory.SetPage(0x100, []);
        machine.Write(0x10_0000);
        Assert.Equal(0xe67UL, machine.Flags(0x10_0000));
        var direct = machine.Last(0x10_0000);
        machine.Registers.Cr3 = 0x10_0000;
        machine.Cpu.Instructions.WriteCr0(ControlBits.Cr0Pe | ControlBits.Cr0Pg);
        Assert.Equal(0xa65UL, direct.Value.Raw & ~Spte.BaseAddressMask);
        machine.Audit();
    }

    private static ShadowMachine SwitchedOn()
    {
        var machine = new ShadowMachine(PagingMode.None).Enter();
        machine.Write(0x6000);
        var tables = new Replay.Replayer.Tests.Guest.GuestTableBuilder(PagingMode.Bits32, 0x10_0000, machine.Guest.Memory);
        tables.Map(0x40_0000, 0x5000 | P | W);
        machine.Registers.Cr3 = tables.Root;
        machine.Registers.Cr4 = ControlBits.Cr4Pse;
        machine.Fresh().Cpu.Instructions.WriteCr0(ControlBits.Cr0Pe | ControlBits.Cr0Pg | ControlBits.Cr0Wp);
        return machine;
    }
}
