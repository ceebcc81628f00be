using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Host;
using Replay.Trace;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Behaviour A17: what the KVM of Linux 3.6 does with EPT unlike later ones.</summary>
public sealed class A17_FirstEptTests
{
    private static readonly KvmBehaviour Kernel = KvmBehaviour.Linux36;

    [Fact]
    public void A_fault_is_handled_by_the_functions_that_its_source_has()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Write(0x5000);

        Assert.Equal(
            ["__direct_map L4[0] 0 -> 107", "__direct_map L3[0] 0 -> 107", "__direct_map L2[0] 0 -> 107", "mmu_set_spte L1[5] 0 -> d77"],
            machine.WriteLines().Take(4));
        Assert.Equal("handle_ept_violation > kvm_mmu_page_fault > tdp_page_fault > __direct_map > mmu_set_spte", machine.Log.Chain(machine.Log.Writes[3].ChainId));
        Assert.Equal(KvmFunction.TdpPageFault, machine.Log.Faults.Single().Handler);
        Assert.Equal(
            "handle_ept_violation > kvm_mmu_page_fault > tdp_page_fault > __direct_map > kvm_mmu_get_page",
            machine.Log.Chain(machine.Log.Created.Last().ChainId));
    }

    /// <summary>R W X, memory type 6, ignore PAT; host-writable 10, MMU-writable 11; accessed 8 where the CPU has it. No dirty bit: that is the CPU's.</summary>
    [Theory]
    [InlineData("intel", 0xd77UL)]
    [InlineData("intel-noad", 0xc77UL)]
    public void An_entry_is_made_of_the_bits_of_its_time(string profile, ulong expected)
    {
        var machine = new DirectMachine(HostProfiles.Find(profile), kernel: Kernel);
        machine.Write(0x5000);
        Assert.Equal(expected, machine.Flags(0x5000));
        Assert.Equal(profile == "intel" ? 0x5eUL : 0x1eUL, machine.Vcpu.Root.Register & 0xfff);
    }

    [Fact]
    public void Roles_tell_level_rights_and_direct_alone()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        Assert.Equal(new PageRole(0).WithLevel(4).WithDirect(true).WithAccess(PteAccess.All), machine.Root.Role);
        Assert.All(machine.Log.Pages, page => Assert.Equal(TablePageRecord.NoGeneration, page.Generation));
    }

    /// <summary>Bits 49 to 56 and the rights that misconfigure; the gfn; no generation.</summary>
    [Fact]
    public void A_device_is_remembered_for_good()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        Assert.Equal(ExitResult.Emulated, machine.Read(0x8000_0000));
        Assert.Equal(0x1fe_0000_8000_0006UL, machine.Last(0x8000_0000).Value.Raw);
        Assert.Equal(KvmFunction.MarkMmioSpte, machine.Log.Writes.Last().Function);

        machine.AddSlot(new Memslot(7, 0x9_0000, 16, 0x9000_0000));
        machine.Fresh();
        Assert.Equal(ExitResult.Emulated, machine.Misconfig(0x8000_0000));
        Assert.Empty(machine.Log.Writes);
        Assert.Equal(KvmFunction.HandleMmioPageFaultCommon, machine.Log.Faults.Single().Handler);
    }

    [Fact]
    public void An_error_code_tells_writes_and_readable_entries_alone()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Fetch(0x5000);
        machine.Read(0x6000);
        machine.Write(0x7000);
        machine.Write(0x7000);
        Assert.Equal([0UL, 0UL, 2UL, 3UL], machine.Log.Faults.Select(fault => fault.ErrorCode));
    }

    [Fact]
    public void Neighbours_are_mapped_but_for_those_that_go_on_to_the_end_of_the_eight()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Write(0x205000);
        Assert.Equal([5, 0, 1, 2, 3, 4], machine.Log.Writes.Where(write => write.Level == 1).Select(write => (int)write.Index));
        machine.Fresh().Write(0x208000);
        Assert.Equal([8], machine.Log.Writes.Select(write => (int)write.Index));
        machine.Fresh().Write(0x20a000);
        Assert.Equal([10, 9], machine.Log.Writes.Select(write => (int)write.Index));
        Assert.Equal(0xc77UL, machine.Flags(0x209000));
    }

    [Fact]
    public void The_page_of_zeros_is_mapped_uncached()
    {
        var machine = new DirectMachine(HostProfiles.Intel, new HostBacking { Populated = false }, kernel: Kernel);
        machine.Read(0x5000);
        Assert.Equal((HostMemory.ZeroPagePfn, 0x105UL), (machine.Last(0x5000).Value.Pfn, machine.Flags(0x5000)));

        machine.Fresh().Write(0x5000);
        Assert.Equal("kvm_set_pte_rmapp", Caller(machine, machine.Log.Writes.Single()));
        Assert.Equal(RetPf.Retry, machine.Log.Faults.Single().Outcome);
        machine.Write(0x5000);
        Assert.Equal(0xd77UL, machine.Flags(0x5000));
    }

    [Fact]
    public void A_huge_page_of_the_hosts_is_mapped_as_one_by_looking_at_the_frame()
    {
        var machine = new DirectMachine(HostProfiles.Intel, new HostBacking { HugePages = true, Populated = false }, kernel: Kernel);
        machine.Read(0x605000);
        var entry = machine.Last(0x605000);
        Assert.Equal((2, 0xdf7UL), (entry.Level, machine.Flags(0x605000)));
    }

    [Theory]
    [InlineData(0, 0x4000_0011UL)]
    [InlineData(0, 0x1_0011UL)]
    [InlineData(4, 0x20UL)]
    [InlineData(3, 0x5000UL)]
    public void A_register_write_drops_the_root_which_is_found_again(int register, ulong value)
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Write(0x5000);
        var root = machine.Root;

        machine.Fresh().WriteCr(register, value);

        Assert.Same(root, machine.Root);
        Assert.Equal([RootOperation.Free, RootOperation.Allocate, RootOperation.Load], machine.Log.Roots.Select(change => change.Operation));
        Assert.Equal(PageOperation.Find, machine.Log.Pages.Single().Operation);
        Assert.Empty(machine.Log.Writes);
        var free = machine.Log.Chain(machine.Log.Roots[0].ChainId);
        Assert.EndsWith(register == 3 ? "kvm_set_cr3 > nonpaging_new_cr3 > mmu_free_roots" : "kvm_mmu_reset_context > mmu_free_roots", free, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x4UL)]
    [InlineData(0x200UL)]
    public void A_write_of_CR4_that_no_table_depends_on_keeps_the_root(ulong value)
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Fresh().WriteCr(4, value);
        Assert.Empty(machine.Log.Roots);
    }

    [Fact]
    public void CR3_loads_exit_while_paging_is_off_alone()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        Assert.True((machine.Vcpu.Intercepts & Intercepts.Cr3Write) != 0);
        machine.WriteCr(0, 0x8000_0011);
        Assert.True((machine.Vcpu.Intercepts & Intercepts.Cr3Write) == 0);
    }

    [Fact]
    public void A_load_of_the_same_CR3_only_flushes()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Fresh().WriteCr(3, 0);
        Assert.Empty(machine.Log.Roots);
        Assert.Equal([FlushKind.All], machine.Log.Flushes.Select(flush => flush.Kind));
    }

    [Fact]
    public void A_memslot_that_goes_or_comes_takes_all_pages_along()
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel, kernel: Kernel);
        machine.Write(5);
        machine.Write(0x2005);
        var before = machine.Vcpu.Mmu.Root.ShadowPage!;
        var pages = machine.Vm.Pages.Count;

        machine.SetSlot(slot: 1, gpa: 0x8000_0000, size: 1 << 20);
        Assert.Equal(1, machine.Vm.Pages.Count);
        Assert.True(before.Role.Invalid);
        Assert.Equal(pages, machine.Vm.Stats.MmuShadowZapped);

        // The root, which stays until its vCPU lets go of it, is zapped once more then.

        machine.Vcpu.EnterGuest();
        Assert.NotSame(before, machine.Vcpu.Mmu.Root.ShadowPage);
        Assert.Equal((1, pages + 1), (machine.Vm.Pages.Count, machine.Vm.Stats.MmuShadowZapped));
    }

    [Fact]
    public void A_slot_made_again_in_its_place_leaves_the_tables_alone()
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel, kernel: Kernel);
        machine.SetSlot(slot: 1, gpa: 0x8000_0000, size: 1 << 20);
        machine.SetSlot(slot: 1, gpa: 0x8000_0000, size: 0);
        machine.Write(5);
        machine.SetSlot(slot: 1, gpa: 0x8000_0000, size: 1 << 20);
        Assert.NotNull(machine.Translate(5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logging_protects_every_page_that_holds_some_of_the_slot_and_a_write_is_fast(bool isOffAgain)
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel, kernel: Kernel);
        machine.Write(5);
        machine.Events.DirtyLogOn(0);
        if (isOffAgain)
        {
            machine.Write(5);
            machine.Events.DirtyLogOff(0);
        }

        Assert.False(machine.Find(5).Value.IsWritable);
        Assert.Equal(RetPf.Fixed, machine.Write(5));
        Assert.Equal(isOffAgain ? 2 : 1, machine.Vm.Stats.PfFast);
        Assert.Equal(!isOffAgain, machine.Slot.DirtyBitmap?.Get(5) ?? false);
    }

    [Fact]
    public void Logging_drops_huge_pages()
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel, HostBacking.Thp, kernel: Kernel);
        machine.Write(0x605);
        machine.Events.DirtyLogOn(0);
        Assert.Null(machine.Translate(0x605));
        machine.Write(0x605);
        Assert.Equal(1, machine.Find(0x605).Level);
        Assert.Equal([0x20UL], machine.Events.DirtyLogGet(0)!.Where(word => word != 0));
        Assert.False(machine.Find(0x605).Value.IsWritable);
    }

    [Fact]
    public void Ageing_clears_accessed_bits_or_without_them_the_mapping_and_flushes()
    {
        foreach (var profile in (HostProfile[])[HostProfiles.Intel, HostProfiles.IntelNoAd])
        {
            var machine = new HostMachine(MmuMode.Ept, profile, kernel: Kernel);
            machine.Write(5);
            Assert.Equal(profile.EptAdBits, machine.Events.TestAge(0x5000, 4096));
            var lines = machine.LinesOf(() => Assert.True(machine.Events.Age(0x5000, 4096)));
            Assert.Equal(profile.EptAdBits, machine.Translate(5) is not null);
            Assert.Contains(lines, line => line.Contains("flush", StringComparison.Ordinal));
            Assert.False(machine.Events.TestAge(0x5000, 4096));
        }
    }

    [Fact]
    public void The_first_page_of_a_slot_and_the_last_are_found_by_their_addresses()
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel, kernel: Kernel);
        machine.Write(0);
        machine.Write(0x3fff);
        Assert.True(machine.Events.TestAge(0, 4096));
        Assert.True(machine.Events.TestAge(0x3fff000, 4096));
    }

    [Fact]
    public void Room_is_made_by_zapping_the_oldest_until_there_is_enough()
    {
        var machine = new HostMachine(MmuMode.Ept, HostProfiles.Intel with { MaxMmuPages = 64 }, kernel: Kernel);
        machine.SetSlot(slot: 1, gpa: 0x1_0000_0000, size: 1UL << 30);
        machine.Vcpu.EnterGuest();
        for (var i = 0UL; i < 61; i++)
            machine.Write(0x10_0000 + (i << 9));
        Assert.InRange(machine.Vm.ShadowMmu.UsedMmuPages, 1, 59);
        Assert.NotEqual(0, machine.Vm.Stats.MmuRecycled);
        Assert.NotNull(machine.Translate(0x10_0000 + (60 << 9)));
        new MmuAudit(machine.Vm).Check();
    }

    [Fact]
    public void What_userspace_forbids_is_not_mapped()
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.Vm.HostMemory.Protect(0x5000, 0x1000, writable: false);
        machine.Fresh().Write(0x5000);
        Assert.DoesNotContain(machine.Log.Writes, write => write.Level == 1);
        Assert.Contains(machine.Log.Notes, note => note.Kind == ModelNote.EventNotModelled);
    }

    [Theory]
    [InlineData(0UL, 0)]
    [InlineData(ControlBits.Cr4Pae, 1)]
    public void PDPTEs_are_read_where_a_write_of_CR4_leaves_PAE_on(ulong pae, int notes)
    {
        var machine = new DirectMachine(HostProfiles.Intel, kernel: Kernel);
        machine.WriteCr(4, pae);
        machine.WriteCr(0, 0x8000_0011);
        machine.Fresh().WriteCr(4, pae | ControlBits.Cr4Pse);
        // Of each of the four, since there is no memory behind them.
        Assert.Equal(4 * notes, machine.Log.Notes.Count(note => note.Kind == ModelNote.UnknownTableContent));
        // What does not begin paging reads none.
        machine.Fresh().WriteCr(0, 0x8001_0011);
        Assert.Empty(machine.Log.Notes);
    }

    [Fact]
    public void Where_roots_are_all_there_is_room_is_looked_for_once_a_page()
    {
        var machine = new DirectMachine(HostProfiles.Intel with { MaxMmuPages = 1 }, kernel: Kernel);
        Assert.Equal(1, machine.Vm.ShadowMmu.UsedMmuPages);
        var before = machine.Vm.Stats.MmuRecycled;
        machine.Vm.ShadowMmu.Recycler.MakePagesAvailable();
        Assert.Equal(before + 1, machine.Vm.Stats.MmuRecycled);
    }

    [Fact]
    public void Only_ept_is_modelled_and_nothing_of_it_was_compared_with_a_machine()
    {
        Assert.Equal([MmuMode.Ept], MmuModes.All.Where(Kernel.Has));
        Assert.Equal("modelled from source, not checked against a machine", Kernel.Caveat(MmuMode.Ept));
        Assert.Same(Kernel, KvmBehaviour.OfRelease("3.6.11"));
        // Traces are explained by a kernel that was.
        Assert.Same(KvmBehaviour.Linux61, KvmBehaviour.NearestTo("3.6.0"));
    }

    private static string Caller(DirectMachine machine, TableWrite write) =>
        machine.Log.Chain(write.ChainId).Split(" > ").Last(function => function.EndsWith("rmapp", StringComparison.Ordinal));
}
