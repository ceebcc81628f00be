using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviours A2 and A3: the root, and the register that names it.</summary>
public sealed class A02_A03_RootTests
{
    private static readonly HostProfile FiveLevels = HostProfiles.Intel with { FiveLevelPaging = true, PhysicalAddressBits = 52, GuestPhysicalAddressBits = 52 };

    [Fact]
    public void The_first_entry_makes_one_direct_page_for_gfn_0()
    {
        var machine = new DirectMachine();
        var root = Assert.Single(machine.Log.Created);
        Assert.Equal((0UL, 4, 0x3784u), (root.Gfn, root.Level, root.Role));
        Assert.Equal("vcpu_enter_guest > kvm_mmu_load > mmu_alloc_direct_roots > mmu_alloc_root > __kvm_mmu_get_shadow_page", machine.Log.Chain(root.ChainId));
    }

    [Theory]
    [InlineData("intel", 0x5e)]
    [InlineData("intel-noad", 0x1e)]
    [InlineData("amd", 0)]
    public void The_low_bits_of_EPTP_and_nCR3_tell_memory_type_walk_length_and_AD(string profile, ulong lowBits)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile));
        Assert.Equal(lowBits, machine.Vcpu.Root.Register & 0xfff);
        Assert.Equal(machine.Root.Pfn, machine.Vcpu.Root.Register >> 12);
        Assert.Equal(machine.Vcpu.Root.Register, machine.Log.Roots.Last(root => root.Operation == RootOperation.Load).Value);
        Assert.Equal(4, machine.Vcpu.Root.Level);
    }

    [Fact]
    public void Five_levels_are_walked_only_where_the_guests_addresses_need_them()
    {
        Assert.Equal(5, new DirectMachine(FiveLevels).Vcpu.Root.Level);
        Assert.Equal(0x66UL, new DirectMachine(FiveLevels).Vcpu.Root.Register & 0xfff);
        Assert.Equal(4, new DirectMachine(FiveLevels with { GuestPhysicalAddressBits = 48 }).Vcpu.Root.Level);
    }

    /// <summary>load_pdptrs() takes all four or none.</summary>
    [Theory]
    [InlineData("as they are", 0x1001UL, 0UL, 0x1001UL)]
    [InlineData("a reserved bit in one that is present", 0x1001UL, 0x2021UL, 0UL)]
    [InlineData("a reserved bit in one that is not", 0x1001UL, 0x2020UL, 0x1001UL)]
    [InlineData("an address beyond the guest's", 0x1001UL, 1UL << 60 | 1, 0UL)]
    public void PDPTEs_are_read_anew_all_or_none(string what, ulong first, ulong second, ulong loaded)
    {
        var machine = new DirectMachine(HostProfiles.Amd);
        var registers = machine.Vcpu.Registers;
        machine.Vm.GuestMemory.SetPage(5, []);
        machine.Vm.GuestMemory.Store(0x5fe0, first, 8);
        machine.Vm.GuestMemory.Store(0x5fe8, second, 8);
        (registers.Cr0, registers.Cr3, registers.Cr4) = (0x8000_0011, 0x5fe0 | 0x18, 0x20);
        machine.Vcpu.HasPdptrs = false;
        machine.Vcpu.RegisterWrites.CachePdptrs();
        Assert.True(loaded == registers.Pdptes[0], $"{what}: {registers.Pdptes[0]:x}");
    }

    [Theory]
    [InlineData(0x8001_0011UL, ControlBits.Cr4Pae, true)]
    [InlineData(0x8001_0011UL, 0UL, false)]
    public void Control_registers_load_PDPTEs_where_PAE_paging_is_on_and_stays_on(ulong cr0, ulong cr4, bool loads)
    {
        var machine = new DirectMachine(HostProfiles.Intel);
        machine.WriteCr(4, cr4);
        machine.WriteCr(0, 0x8000_0011);
        Assert.Equal(loads, LoadsBy(() => machine.WriteCr(0, cr0 | ControlBits.Cr0Cd)));
        Assert.Equal(loads, LoadsBy(() => machine.WriteCr(4, cr4 | ControlBits.Cr4Pse)));
        Assert.False(LoadsBy(() => machine.WriteCr(0, 0x11)));
        Assert.False(LoadsBy(() => machine.WriteCr(4, cr4)));

        bool LoadsBy(Func<ExitResult> write)
        {
            machine.Fresh();
            write();
            return machine.Log.Notes.Exists(note => note.Kind == ModelNote.UnknownTableContent);
        }
    }

    /// <summary>SVM tells no PDPTEs at an exit: a walk to the instruction that is emulated reads them, and what reads them asks for the root to be loaded.</summary>
    [Theory]
    [InlineData("amd-tcg", 0x20, 1)]
    [InlineData("amd-tcg", 0x00, 0)]
    [InlineData("amd", 0x20, 0)]
    [InlineData("intel-bochs", 0x20, 0)]
    public void Under_NPT_emulating_an_instruction_of_a_PAE_guest_loads_the_root_once_more(string profile, ulong cr4, int loads)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile));
        machine.Vm.GuestMemory.SetPage(0x100, []);
        (machine.Vcpu.Registers.Cr0, machine.Vcpu.Registers.Cr3, machine.Vcpu.Registers.Cr4) = (0x8000_0011, 0x10_0000, cr4);
        machine.Vcpu.RegistersSet();
        machine.Vcpu.EnterGuest();
        machine.Fresh().WriteCr(0, 0x8001_0011);
        Assert.Equal(loads, machine.Log.Roots.Count(root => root.Operation == RootOperation.Load));
    }

    [Fact]
    public void An_entry_without_anything_pending_leaves_no_record()
    {
        var machine = new DirectMachine();
        var seq = machine.Vm.Journal.Seq;
        machine.Vcpu.EnterGuest();
        Assert.Equal(seq, machine.Vm.Journal.Seq);
    }
}
