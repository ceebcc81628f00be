using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>Rows B1, B7 to B9: how long roots live, and the order in which trees go.</summary>
public sealed class TdpRootTests
{
    [Fact]
    public void A_root_starts_with_a_reference_of_the_vCPU_and_one_of_the_MMU()
    {
        var machine = new TdpMachine();

        Assert.Equal(2, machine.Root.RootCount);
        Assert.Equal(["create S1 gfn=0 role=3784"], machine.Log.Take());
    }

    [Fact]
    public void A_second_vCPU_in_the_same_mode_shares_the_root_and_makes_no_page()
    {
        var machine = new TdpMachine();
        machine.Vm.CreateVcpu(new ControlRegisters());

        Assert.Empty(machine.LinesOf(() => Assert.Same(machine.Root, machine.Vm.TdpMmu.GetVcpuRoot(TdpMachine.RootRole))));
        Assert.Equal(3, machine.Root.RootCount);
    }

    [Fact]
    public void A_root_that_no_vCPU_uses_is_kept_and_found_again()
    {
        var machine = new TdpMachine();
        var root = machine.Root;
        machine.Vm.TdpMmu.PutRoot(root);
        Assert.Equal(1, root.RootCount);

        machine.LoadRoot();

        Assert.Same(root, machine.Root);
    }

    [Fact]
    public void Another_role_has_a_root_of_its_own_and_the_newest_root_comes_first()
    {
        var machine = new TdpMachine();
        var other = machine.Vm.TdpMmu.GetVcpuRoot(TdpMachine.RootRole.With(PageRole.Cr0WpMask, false));

        Assert.NotSame(machine.Root, other);
        Assert.Equal([other, machine.Root], machine.Vm.TdpMmu.Roots);
    }

    [Fact]
    public void Giving_back_the_last_reference_to_a_valid_root_is_our_own_mistake()
    {
        var machine = new TdpMachine();
        machine.Vm.TdpMmu.PutRoot(machine.Root);

        Assert.Throws<InvariantViolation>(() => machine.Vm.TdpMmu.PutRoot(machine.Root));
    }

    [Fact]
    public void Invalidated_roots_are_zapped_under_the_read_lock_all_512_entries_of_every_table_are_marked()
    {
        var machine = new TdpMachine();
        machine.Write(0x100);
        machine.Write(0x200);

        var lines = machine.LinesOf(() =>
        {
            machine.Vm.TdpMmu.InvalidateAllRoots();
            machine.Vm.TdpMmu.ZapInvalidatedRoots();
        });

        Assert.Equal(
            [
                "gfn=0 level=3 old=->S3 fl=907 new=0",
                "zap gfn=0 l2 root 0",
                "gfn=0 level=2 old=->S4 fl=907 new=np:5a0",
                "zap gfn=0 l1 root 0",
                "gfn=0 level=1 old=0 new=np:5a0",
            ],
            lines[..5]);
        Assert.Equal("gfn=100 level=1 old=g100 fl=600000000000b77 new=np:5a0", lines[4 + 0x100]);
        Assert.Equal("gfn=200 level=2 old=->S5 fl=907 new=np:5a0", lines[4 + 512]);
        Assert.Equal("zap gfn=200 l1 root 0", lines[5 + 512]);
        Assert.Equal("gfn=400 level=2 old=0 new=np:5a0", lines[6 + 1024]);

        // The root comes last: its entry, then all of the third level, from which everything had been taken already.
        Assert.Equal("gfn=0 level=4 old=->S2 fl=907 new=0", lines[^514]);
        Assert.Equal("zap gfn=0 l3 root 0", lines[^513]);
        Assert.Equal("gfn=7fc0000 level=3 old=0 new=np:5a0", lines[^1]);
        Assert.Equal(0, machine.Vm.Stats.Pages(1));
    }

    [Fact]
    public void A_vCPU_keeps_an_invalid_root_alive_until_it_lets_go_and_then_gets_a_new_one()
    {
        var machine = new TdpMachine();
        machine.Write(0x100);
        var old = machine.Root;
        machine.Vm.TdpMmu.InvalidateAllRoots();
        machine.Vm.TdpMmu.ZapInvalidatedRoots();

        Assert.Equal(1, old.RootCount);
        Assert.Equal(0, old.FilledCount);
        machine.Vm.TdpMmu.PutRoot(old);
        machine.LoadRoot();

        Assert.Equal([machine.Root], machine.Vm.TdpMmu.Roots);
        Assert.NotSame(old, machine.Root);
        Assert.NotSame(old, machine.Vm.Pages.ShadowPageAt(old.Pfn));
    }

    [Fact]
    public void A_root_is_zapped_once_however_often_the_slots_change_while_a_vCPU_holds_it()
    {
        var machine = new TdpMachine();
        machine.Write(0x100);
        machine.Vm.TdpMmu.InvalidateAllRoots();
        machine.Vm.TdpMmu.ZapInvalidatedRoots();

        Assert.Empty(machine.LinesOf(() =>
        {
            machine.Vm.TdpMmu.InvalidateAllRoots();
            machine.Vm.TdpMmu.ZapInvalidatedRoots();
        }));
        Assert.Equal(1, machine.Root.RootCount);
    }

    [Fact]
    public void At_the_end_of_the_VM_only_present_entries_are_marked()
    {
        var machine = new TdpMachine(backing: HostBacking.Thp);
        machine.Write(0);
        machine.Write(0x200);

        Assert.Equal(
            [
                "gfn=0 level=3 old=->S3 fl=907 new=0",
                "zap gfn=0 l2 root 0",
                "gfn=0 level=2 old=g0 fl=600000000000bf7 new=np:5a0",
                "gfn=200 level=2 old=g200 fl=600000000000bf7 new=np:5a0",
                "gfn=0 level=4 old=->S2 fl=907 new=0",
                "zap gfn=0 l3 root 0",
            ],
            machine.LinesOf(machine.Vm.TdpMmu.ZapAll));
    }

    [Fact]
    public void MMIO_entries_are_marked_under_the_read_lock_and_left_alone_under_the_write_lock()
    {
        var machine = new TdpMachine();
        machine.Write(0xfe000);
        Assert.DoesNotContain(machine.LinesOf(machine.Vm.TdpMmu.ZapAll), line => line.Contains("f8fe000016", StringComparison.Ordinal));

        machine = new TdpMachine();
        machine.Write(0xfe000);
        machine.Vm.TdpMmu.InvalidateAllRoots();
        Assert.Contains(
            "gfn=fe000 level=1 old=np:f8fe000016 new=np:5a0",
            machine.LinesOf(machine.Vm.TdpMmu.ZapInvalidatedRoots));
    }

    [Fact]
    public void Freed_table_pages_go_back_to_the_host_and_their_frames_serve_again_under_new_numbers()
    {
        var machine = new TdpMachine();
        machine.Write(0x100);
        var before = machine.Vm.Pages.Count;
        machine.Vm.TdpMmu.ZapAll();

        Assert.Equal(before - 3, machine.Vm.Pages.Count);
        machine.Write(0x100);
        Assert.Equal(before, machine.Vm.Pages.Count);
        Assert.Equal(7, machine.Log.Pages.Count(page => page.Operation == PageOperation.Create));
        Assert.Equal(7, machine.Log.Pages.Max(page => page.TableId));
    }
}
