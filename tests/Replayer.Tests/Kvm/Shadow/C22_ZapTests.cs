using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using static Replay.Replayer.Tests.Guest.GuestTableBuilder;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours C22 and F4: shadow pages go, one or all.</summary>
public sealed class C22_ZapTests
{
    private const ulong Gva = 0x40_0000;

    [Fact]
    public void Children_are_unlinked_and_stay_and_parents_lose_their_entries()
    {
        var machine = Mapped();
        var (table, root) = (machine.PageOf(0x103), machine.PageOf(0x100));
        machine.Vm.ShadowMmu.TableWrites.Unprotect(0x101);
        Assert.Equal(["zap 101 l3"], machine.PageLines());
        Assert.Equal(["drop_parent_pte L3[0] 827 -> 0", "drop_parent_pte L4[0] 827 -> 0"], machine.WriteLines());
        Assert.Equal(0UL, root[0].Raw);
        Assert.Same(table, machine.PageOf(0x103));
        Assert.Equal(0xe63UL, table[0].Raw & ~Spte.BaseAddressMask);
        Assert.Single(machine.Log.Pages, page => page.Operation == PageOperation.Free);
        machine.Audit();
    }

    [Fact]
    public void What_was_left_is_found_again_by_the_next_fault()
    {
        var machine = Mapped();
        machine.Vm.ShadowMmu.TableWrites.Unprotect(0x101);
        machine.Fresh().Write(Gva);
        Assert.Equal(["create 101 l3", "find 102 l2"], machine.PageLines());
    }

    [Fact]
    public void The_leaves_of_a_page_leave_their_reverse_maps()
    {
        var machine = Mapped();
        machine.Vm.ShadowMmu.TableWrites.Unprotect(0x103);
        Assert.Equal(RmapOperation.Remove, machine.Log.Rmaps[0].Operation);
        Assert.Equal(0, machine.Slot.Rmaps.Head(5, 1));
        Assert.Equal(3, machine.Vm.ShadowMmu.IndirectShadowPages);
    }

    [Fact]
    public void Unsync_pages_below_go_along()
    {
        var machine = Mapped();
        machine.Guest.Map(0x60_0000, 0x10_3000 | P | W);
        machine.Store(0x60_0000, 0x10_3000, 0x6000 | P | W);
        machine.Fresh().Vm.ShadowMmu.TableWrites.Unprotect(0x101);
        Assert.Equal(["zap 101 l3", "zap 103 l1", "sync 103 l1"], machine.PageLines());
        Assert.Equal(0, machine.Stats.MmuUnsync);
        machine.Audit();
    }

    [Fact]
    public void A_root_in_use_becomes_invalid_and_every_vCPU_reloads()
    {
        var machine = Mapped();
        var root = machine.Root;
        machine.Vm.ShadowMmu.TableWrites.Unprotect(0x100);
        Assert.True(root.Role.Invalid);
        Assert.DoesNotContain(machine.Log.Pages, page => page.Operation == PageOperation.Free);

        machine.Fresh().Enter();
        Assert.NotSame(root, machine.Root);
        Assert.Equal(["zap 100 l4", "create 100 l4"], machine.PageLines());
        Assert.Contains(machine.Log.Pages, page => page.Operation == PageOperation.Free && page.TableId == root.Id);
        machine.Audit();
    }

    [Fact]
    public void Deleting_a_memslot_makes_all_pages_obsolete_and_zaps_them()
    {
        var machine = Mapped();
        var events = machine.Vm.HostEvents;
        events.Memslot(new MemslotChange { Slot = 0, Gpa = 0, Size = 0 });
        Assert.Equal(["zap 100 l4", "zap 101 l3", "zap 102 l2", "zap 103 l1"], machine.PageLines().Order(StringComparer.Ordinal));
        Assert.Equal(1, machine.Vm.ValidGeneration);
        Assert.Equal(0, machine.Vm.ShadowMmu.IndirectShadowPages);

        events.Memslot(new MemslotChange { Slot = 0, Gpa = 0, Size = ShadowMachine.MemoryPages << 12 });
        machine.Fresh().Write(Gva);
        Assert.Equal(["create 100 l4", "create 101 l3", "create 102 l2", "create 103 l1"], machine.PageLines().Where(line => line.StartsWith("create", StringComparison.Ordinal)));
        machine.Audit();
    }

    private static ShadowMachine Mapped()
    {
        var machine = new ShadowMachine();
        machine.Guest.Map(Gva, 0x5000 | P | W);
        machine.Enter().Write(Gva);
        return machine.Fresh();
    }
}
