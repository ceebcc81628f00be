using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Tests.Host;

/// <summary>Rows F4 to F6: memslots come, go and move.</summary>
public sealed class MemslotChangeTests
{
    public static TheoryData<MmuMode> Modes => [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.NptTdp];

    [Theory]
    [MemberData(nameof(Modes))]
    public void Deleting_a_slot_takes_every_mapping_of_the_VM_and_every_vCPUs_root(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x10_0000);
        machine.Write(0x200);
        machine.Write(0x8000);
        var root = machine.Vcpu.Mmu.Root.Table!;

        Assert.Equal(MemslotResult.Done, machine.SetSlot(slot: 1));

        Assert.True(machine.Vcpu.Requests.HasFlag(VcpuRequests.MmuFreeObsoleteRoots));
        Assert.Equal(0, machine.Vm.Stats.Pages(1));
        machine.Vcpu.EnterGuest();
        Assert.NotEqual(root.Id, machine.Vcpu.Mmu.Root.Table!.Id);
        Assert.Null(machine.Translate(0x200));
        Assert.Equal(1, machine.Vm.Pages.Count);
    }

    [Fact]
    public void Host_memory_lies_in_the_gigabyte_of_the_slot_so_that_frames_show_gfns()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        machine.SetSlot(slot: 1, gpa: 0x1_4000_0000, size: 0x10_0000, hvaOffset: 0x2000_0000);
        Assert.Equal(0x1_6000_0000UL, machine.Vm.Memslots.FindById(1)!.Hva);
    }

    [Fact]
    public void A_root_of_the_TDP_MMU_is_zapped_while_the_vCPU_still_holds_it_and_freed_when_it_lets_go()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        machine.Write(0x200);

        var deletion = machine.LinesOf(() => machine.SetSlot());
        var entry = machine.LinesOf(machine.Vcpu.EnterGuest);

        Assert.Equal("gfn=0 level=3 old=->S3 fl=907 new=0", deletion[0]);
        Assert.DoesNotContain(deletion, line => line == "flush");
        Assert.Equal("create S5 gfn=0 role=3784", entry[0]);
    }

    [Fact]
    public void The_shadow_MMU_zaps_the_oldest_page_first_and_flushes_before_it_frees()
    {
        var machine = new HostMachine(MmuMode.Ept);
        machine.Write(0x200);

        var lines = machine.LinesOf(() => machine.SetSlot());

        Assert.Equal("zap gfn=0 l4 root 1", lines[0]);
        Assert.Equal("flush", lines[^1]);
        Assert.Equal(1, machine.Vm.ValidGeneration);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Deleting_takes_two_generations_creating_one_and_nothing_none(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        Assert.Equal(2UL, machine.Vm.Memslots.Generation);

        machine.SetSlot();
        Assert.Equal(6UL, machine.Vm.Memslots.Generation);
        machine.SetSlot(size: 64 << 20);
        Assert.Equal(8UL, machine.Vm.Memslots.Generation);
        machine.SetSlot(size: 64 << 20);
        Assert.Equal(8UL, machine.Vm.Memslots.Generation);
        machine.SetSlot(size: 64 << 20, logDirty: true);
        Assert.Equal(10UL, machine.Vm.Memslots.Generation);
    }

    [Fact]
    public void A_slot_that_comes_back_has_the_same_frames()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        machine.Write(0x200);
        var frame = machine.Translate(0x200);
        machine.SetSlot();
        machine.SetSlot(size: 64 << 20);
        machine.Write(0x200);

        Assert.Equal(frame, machine.Translate(0x200));
        Assert.Equal(HostMemory.FirstPfn + 0x200, frame);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void A_moved_slot_takes_its_memory_along_and_leaves_MMIO_behind(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x10_0000);
        machine.Write(0x8001);
        var frame = machine.Translate(0x8001);

        Assert.Equal(MemslotResult.Done, machine.SetSlot(slot: 1, gpa: 0x900_0000, size: 0x10_0000, hvaOffset: 0x800_0000));

        Assert.Equal(RetPf.Fixed, machine.Write(0x9001));
        Assert.Equal(frame, machine.Translate(0x9001));
        Assert.Equal(RetPf.Emulate, machine.Read(0x8001));
    }

    [Fact]
    public void A_new_size_or_another_read_only_flag_deletes_and_creates_as_a_VMM_must()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x10_0000);
        var before = machine.Vm.Memslots.Generation;

        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x20_0000);
        Assert.Equal(before + 6, machine.Vm.Memslots.Generation);
        Assert.Equal(0x200UL, machine.Vm.Memslots.FindById(1)!.PageCount);

        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x20_0000, readOnly: true);
        Assert.Equal(RetPf.Emulate, machine.Write(0x8000));
        Assert.Equal(RetPf.Fixed, machine.Read(0x8000));
        Assert.False(machine.Find(0x8000).Value.IsWritable);
    }

    [Fact]
    public void What_KVM_refuses_changes_nothing()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        var generation = machine.Vm.Memslots.Generation;

        Assert.Equal(MemslotResult.Overlaps, machine.SetSlot(slot: 1, gpa: 0x3ff_f000, size: 0x1000));
        Assert.Equal(MemslotResult.Invalid, machine.SetSlot(slot: 1, gpa: 0x1000_0800, size: 0x1000));
        Assert.Equal(MemslotResult.Invalid, machine.SetSlot(slot: 1, gpa: 0x1000_0000, size: 0x1001));
        Assert.Equal(MemslotResult.Invalid, machine.SetSlot(slot: 1, gpa: 0xffff_ffff_ffff_f000, size: 0x2000, hvaOffset: 0));
        Assert.Equal(MemslotResult.Invalid, machine.SetSlot(slot: 1, gpa: 1UL << 40, size: 0x1000));
        Assert.Equal(MemslotResult.Invalid, machine.SetSlot(slot: 7));
        Assert.Equal(MemslotResult.NoHostMemory, machine.SetSlot(slot: 1, gpa: 0x1_0000_0000, size: 1UL << 36));
        Assert.Equal(generation, machine.Vm.Memslots.Generation);
        Assert.Equal(1, machine.Vm.Memslots.All.Length);
    }

    [Fact]
    public void Two_slots_never_share_host_memory_whatever_offsets_the_capture_gives()
    {
        var machine = new HostMachine(MmuMode.EptTdp);
        machine.SetSlot(slot: 1, gpa: 0x1000_0000, size: 0x10_0000, hvaOffset: 0);
        machine.SetSlot(slot: 2, gpa: 0x70_0000_0000, size: 0x10_0000, hvaOffset: 0);

        var slots = machine.Vm.Memslots.All.ToArray();
        Assert.Equal([0UL, 1UL << 30, 2UL << 30], slots.Select(slot => slot.Hva));
    }

    [Fact]
    public void Host_memory_that_is_not_congruent_with_gpas_is_mapped_by_small_pages()
    {
        var machine = new HostMachine(MmuMode.EptTdp, backing: HostBacking.Thp);
        machine.SetSlot();
        machine.SetSlot(size: 64 << 20, hvaOffset: 0x1000);
        machine.Write(0x200);

        Assert.Equal(1, machine.Find(0x200).Level);
        Assert.Equal(HostMemory.FirstPfn + 0x201, machine.Translate(0x200));
    }

    [Theory]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.EptTdp)]
    public void When_the_19_bits_of_an_MMIO_entrys_generation_start_again_everything_is_zapped_once(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x1000);
        machine.Read(0x200);
        var mapped = machine.Vm.Stats.Pages(1);
        while (machine.Vm.Memslots.Generation < MmioGeneration.Mask - 1)
        {
            machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x1000, logDirty: (machine.Vm.Memslots.Generation & 2) == 0);
            Assert.False(machine.Vcpu.Requests.HasFlag(VcpuRequests.MmuFreeObsoleteRoots));
        }

        Assert.Equal(mapped, machine.Vm.Stats.Pages(1));
        machine.SetSlot(slot: 1, gpa: 0x800_0000, size: 0x1000, logDirty: (machine.Vm.Memslots.Generation & 2) == 0);

        Assert.Equal(0UL, machine.Vm.Memslots.Generation & MmioGeneration.Mask);
        Assert.True(machine.Vcpu.Requests.HasFlag(VcpuRequests.MmuFreeObsoleteRoots));
        Assert.Equal(0, machine.Vm.Stats.Pages(1));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void At_its_end_a_VM_gives_every_table_page_back(MmuMode mode)
    {
        var machine = new HostMachine(mode);
        machine.Write(0x200);
        machine.Read(0xfe000);

        machine.Events.TearDown();

        Assert.Equal(0, machine.Vm.Pages.Count);
        Assert.Equal(0, machine.Vm.Stats.Pages(1));
    }
}
