namespace Replay.Recorder.Tests.Ftrace;

/// <summary>What each event prints, in the words of kernels since 3.6 and of the plugin that trace-cmd and perf use, and what is read from it.</summary>
public sealed class FieldTests
{
    [Theory]
    [InlineData("kvm_entry: vcpu 1", "EntryFields { Vcpu = 1, Rip =  }")]
    [InlineData("kvm_entry: vcpu 1, rip 0xfff0", "EntryFields { Vcpu = 1, Rip = 65520 }")]
    [InlineData("kvm_entry: vcpu 1, rip 0xfff0[immediate exit]", "EntryFields { Vcpu = 1, Rip = 65520 }")]
    [InlineData("kvm_exit: reason EPT_VIOLATION", "ExitFields { Vcpu = , Reason = EPT_VIOLATION, Rip = , Info1 = , Info2 = , InterruptInfo = , ErrorCode =  }")]
    [InlineData("kvm_exit: vcpu 1 reason EPT_VIOLATION FAILED_VMENTRY", "ExitFields { Vcpu = 1, Reason = EPT_VIOLATION FAILED_VMENTRY, Rip = , Info1 = , Info2 = , InterruptInfo = , ErrorCode =  }")]
    [InlineData("kvm_exit: reason EXIT_NPF rip 0x10", "ExitFields { Vcpu = , Reason = EXIT_NPF, Rip = 16, Info1 = , Info2 = , InterruptInfo = , ErrorCode =  }")]
    [InlineData("kvm_exit: reason EPT_VIOLATION rip 0x10 info 184 0", "ExitFields { Vcpu = , Reason = EPT_VIOLATION, Rip = 16, Info1 = 388, Info2 = 0, InterruptInfo = , ErrorCode =  }")]
    [InlineData("kvm_exit: vcpu 2 reason npf rip 0x10 info 100000014 ff0", "ExitFields { Vcpu = 2, Reason = npf, Rip = 16, Info1 = 4294967316, Info2 = 4080, InterruptInfo = , ErrorCode =  }")]
    [InlineData(
        "kvm_exit: vcpu 0 reason PF excp rip 0x10 info1 0x0000000000000002 info2 0x0000000000200000 intr_info 0x80000b0e error_code 0x00000002",
        "ExitFields { Vcpu = 0, Reason = PF excp, Rip = 16, Info1 = 2, Info2 = 2097152, InterruptInfo = 2147486478, ErrorCode = 2 }")]
    [InlineData("kvm_exit: reason EXTERNAL_INTERRUPT rip 0x10 info 0 800000ef vcpu 3", "ExitFields { Vcpu = 3, Reason = EXTERNAL_INTERRUPT, Rip = 16, Info1 = 0, Info2 = 2147483887, InterruptInfo = , ErrorCode =  }")]
    [InlineData("kvm_page_fault: address feffd066 error_code 184", "PageFaultFields { Vcpu = , Rip = , Address = 4278177894, ErrorCode = 388 }")]
    [InlineData("kvm_page_fault: vcpu 0 rip 0x10 address 0x0000000000201000 error_code 0x100000006", "PageFaultFields { Vcpu = 0, Rip = 16, Address = 2101248, ErrorCode = 4294967302 }")]
    [InlineData("kvm_inj_exception: #PF (0x3)", "InjectedExceptionFields { IsPageFault = True, ErrorCode = 3, Reinjected = False }")]
    [InlineData("kvm_inj_exception: #PF (0x3) [reinjected]", "InjectedExceptionFields { IsPageFault = True, ErrorCode = 3, Reinjected = True }")]
    [InlineData("kvm_inj_exception: #UD", "InjectedExceptionFields { IsPageFault = False, ErrorCode = , Reinjected = False }")]
    [InlineData(
        "fast_page_fault: vcpu 0 gva 200000 error_code P|W|U|0x200000000 sptep ffff88800de15000 old 0x343fe65 new 343fe67 spurious 0 fixed 1",
        "FastPageFaultFields { Vcpu = 0, Address = 2097152, ErrorCode = 8589934599, Sptep = 18446612682302902272, Old = 54787685, New = 54787687, Spurious = False, Fixed = True }")]
    [InlineData("sys_ioctl(fd: 6, cmd: 4010ae42, arg: 7ffd00001000)", "other sys_ioctl: fd: 6, cmd: 4010ae42, arg: 7ffd00001000")]
    [InlineData("sys_enter_ioctl: fd: 0x00000006, cmd: 0x4010ae42, arg: 0x7ffd00001000", "other sys_enter_ioctl: fd: 0x00000006, cmd: 0x4010ae42, arg: 0x7ffd00001000")]
    [InlineData("kvm_cr: cr_write 3 = 0x1234000", "ControlRegisterFields { IsWrite = True, Register = 3, Value = 19087360 }")]
    [InlineData("kvm_msr: msr_write c0000080 = 0x900 (#GP)", "MsrFields { IsWrite = True, Index = 3221225600, Value = 2304, Faulted = True }")]
    [InlineData("kvm_fast_mmio: fast mmio at gpa 0xfe001000", "MmioFields { IsWrite = True, Size = 0, Gpa = 4261416960, Value = 0 }")]
    [InlineData("kvm_mmio: mmio unsatisfied-read len 4 gpa 0xfe000020 val 0x0", "MmioFields { IsWrite = False, Size = 4, Gpa = 4261412896, Value = 0 }")]
    [InlineData("kvm_unmap_hva_range: mmu notifier unmap range: 0x007f95503f2000 -- 0x007f9550413000", "NotifierRangeFields { Start = 140279273168896, End = 140279273304064 }")]
    [InlineData("kvm_set_spte_hva: mmu notifier set pte hva: 0x007fe80ac02000", "NotifierRangeFields { Start = 140634589503488, End = 140634589503488 }")]
    [InlineData("kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8fc800", "SetSpteFields { Gfn = 256, Spte = 106622567, Level = 1, Sptep = 244303872 }")]
    [InlineData("kvm_tdp_mmu_spte_changed: as id 1 gfn 200 level 2 old_spte 0 new_spte 5a0", "SpteChangedFields { AddressSpace = 1, Gfn = 512, Level = 2, Old = 0, New = 1440 }")]
    [InlineData("kvm_mmu_spte_requested: gfn 100 pfn 65ae level 1", "SpteRequestedFields { Gfn = 256, Pfn = 26030, Level = 1 }")]
    [InlineData("mark_mmio_spte: sptep:ffff88800ebdf000 gfn fe000 access 7 gen 2", "MarkMmioSpteFields { Sptep = 18446612682317361152, Gfn = 1040384, Access = 7, Generation = 2 }")]
    [InlineData("mark_mmio_spte: sptep:ffff88800ebdf000 gfn fe000 access 7", "MarkMmioSpteFields { Sptep = 18446612682317361152, Gfn = 1040384, Access = 7, Generation =  }")]
    [InlineData("mark_mmio_spte: sptep:00000000deadbeef gfn fe000 access 7 gen 2", "MarkMmioSpteFields { Sptep = , Gfn = 1040384, Access = 7, Generation = 2 }")]
    [InlineData("handle_mmio_page_fault: addr:1000 gfn fe000 access 6", "HandleMmioPageFaultFields { Address = 4096, Gfn = 1040384, Access = 6 }")]
    [InlineData("check_mmio_spte: spte 80000fe000017 kvm_gen 4 spte-gen 2 valid 0", "CheckMmioSpteFields { Spte = 2251804075098135, KvmGeneration = 4, SpteGeneration = 2 }")]
    [InlineData(
        "fast_page_fault: vcpu 0 gva 1000 error_code P|W sptep ffff88800ab46008 old 0x1075 new 1077 spurious 0 fixed 1",
        "FastPageFaultFields { Vcpu = 0, Address = 4096, ErrorCode = 3, Sptep = 18446612682249625608, Old = 4213, New = 4215, Spurious = False, Fixed = True }")]
    [InlineData(
        "fast_page_fault: vcpu 0 gva 1000 error_code  sptep (null) old 0x0 new 0 spurious 0 fixed 0",
        "FastPageFaultFields { Vcpu = 0, Address = 4096, ErrorCode = 0, Sptep = , Old = 0, New = 0, Spurious = False, Fixed = False }")]
    [InlineData("kvm_mmu_split_huge_page: gfn 200 spte 1234ee7 level 2 errno -12", "SplitHugePageFields { Gfn = 512, Spte = 19091175, Level = 2, Error = -12 }")]
    [InlineData("kvm_mmu_pagetable_walk: addr 10042a pferr 10 F", "GuestWalkFields { Address = 1049642, ErrorCode = 16 }")]
    [InlineData("kvm_mmu_walker_error: pferr 3 P|W", "GuestWalkFields { Address = 0, ErrorCode = 3 }")]
    public void An_event_s_fields_are_read(string line, string expected) => Assert.Equal(expected, Listing.Fields(line));

    /// <summary>Level, 4-byte entries, quadrant, direct, access, NX, A/D: the bits of Linux 6.1's role word.</summary>
    [Theory]
    [InlineData("sp gen 0 gfn 200 l4 8-byte q0 direct wux nxe ad root 1 sync new", 0x1784, 0x11ff7 | 0x8, 1, false, true)]
    [InlineData("sp gen 1 gfn 200 l1 4-byte q2 w-x invalid !nxe !ad root 0 unsync", 0x10b51, 0x11fff, 0, true, false)]
    [InlineData("sp gen 2 gfn 200 1 pae q0 direct wux nxe root 0 sync existing", 0x1781, 0x1fff, 0, false, false)]
    [InlineData("sp gfn 200 2 q1 -u- !nxe root 3 sync", 0x422, 0x1fef, 3, false, false)]
    [InlineData("new sp gfn 200 3 q0 direct wux !pae nxe !wp smep root 0 sync ", 0x1783, 0x3fff, 0, false, true)]
    [InlineData("new sp gfn 200 1 q0 direct wux !pae nxe !wp root 0 sync", 0x1781, 0x3fef, 0, false, true)]
    [InlineData("new sp gfn 200 2 q0 wux pae nxe wp root 0 sync", 0x3702, 0x3fef, 0, false, true)]
    [InlineData("existing sp gfn 200 1 q1 wux !pae nxe wp root 0 sync", 0x3731, 0x3fff, 0, false, false)]
    [InlineData("existing sp gfn 200 4/3 q0 direct wux !pge nxe root 0 sync", 0x1784, 0x1fef, 0, false, false)]
    public void The_role_of_a_page_is_read_as_far_as_it_is_printed(string text, uint role, uint mask, uint roots, bool unsync, bool created)
    {
        var line = Listing.Fields($"kvm_mmu_get_page: {text}");
        Assert.Contains($"Gfn = 512, Role = {role}, RoleMask = {mask}, RootCount = {roots}, Unsync = {unsync}, Created = {created} }}", line, StringComparison.Ordinal);
    }

    /// <summary>A newer <c>trace-cmd report -R</c> writes hexadecimal numbers as the kernel's own line does, without a sign; an older one, and what it cannot parse, decimal ones.</summary>
    [Fact]
    public void Numbers_of_raw_fields_are_of_the_base_that_the_text_shows()
    {
        const string Hex = " v-1 [000] 1.0: kvm_tdp_mmu_spte_changed:  gfn=100 old_spte=8000000000000000 new_spte=17948827 level=2 as_id=0\n v-1 [000] 1.1: kvm_mmu_set_spte:      gfn=103 spte=1794be67 sptep=170a0818 level=1 r=1 x=1 u=1\n"
            + " v-1 [000] 1.2: kvm_mmu_spte_requested:  gfn=103 pfn=1794b level=1\n v-1 [000] 1.3: kvm_msr: write=1 ecx=c0000080 data=0x900 exception=0\n v-1 [000] 1.4: kvm_mmu_prepare_zap_page:  mmu_valid_gen=0 gfn=512 role=14209 root_count=0 unsync=0\n"
            + " v-1 [000] 1.5: kvm_mmu_get_page: [FAILED TO PARSE] mmu_valid_gen=0 gfn=512 role=14209 root_count=0 unsync=0 created=1\n";
        var listing = Listing.Of(Hex);
        Assert.Empty(listing.Damaged);
        Assert.Equal(
            [
                Listing.Fields("kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 2 old_spte 8000000000000000 new_spte 17948827"), Listing.Fields("kvm_mmu_set_spte: gfn 103 spte 1794be67 (rwxu) level 1 at 170a0818"),
                Listing.Fields("kvm_mmu_spte_requested: gfn 103 pfn 1794b level 1"), Listing.Fields("kvm_msr: msr_write c0000080 = 0x900"),
            ],
            listing.Lines[..4]);
        Assert.All(listing.Lines[4..], line => Assert.Contains("Gfn = 512, Role = 14209", line, StringComparison.Ordinal));
        var decimals = Listing.Of(" v-1 [000] 1.0: kvm_mmu_set_spte:      gfn=259 spte=395624039 sptep=386533400 level=1 r=1 x=1 u=1\n");
        Assert.Equal([Listing.Fields("kvm_mmu_set_spte: gfn 103 spte 1794be67 (rwxu) level 1 at 170a0818")], decimals.Lines);
    }

    [Fact]
    public void A_table_that_the_plugin_does_not_name_is_kept_as_text_with_the_remedy()
    {
        var damage = Assert.Single(Listing.Of(" vmm-1228 [000] 182.190608: kvm_mmu_prepare_zap_page: 1 q0 direct wux !pae nxe wp root 0 sync\n").Damaged);
        Assert.Equal("kvm_mmu_prepare_zap_page does not name its table ('trace-cmd report -N' prints it), kept as text", damage.What);
    }

    [Theory]
    [InlineData("k1: (mmu_spte_update+0x0/0x1a0 [kvm]) sptep=0xffff88800ed40000 old=0x0 new=0x827", "probe on mmu_spte_update: sptep=0xffff88800ed40000 old=0x0 new=0x827")]
    [InlineData("k2: (__link_shadow_page.constprop.0+0x0/0x160 [kvm]) sptep=0x1", "probe on __link_shadow_page: sptep=0x1")]
    [InlineData("k3: (kvm_mmu_page_fault+0x4e1/0x970 [kvm] <- direct_page_fault) ret=4", "return of direct_page_fault: ret=4")]
    [InlineData("direct_page_fault__return: (ffffffffc0a1b2c0 <- ffffffffc0a1ffff) ret=4", "return of direct_page_fault: ret=4")]
    [InlineData("link_shadow_page: (ffffffffc0a1b2c0) sptep=0x1", "probe on __link_shadow_page: sptep=0x1")]
    public void A_probe_is_known_by_its_function(string line, string expected) => Assert.Equal(expected, Listing.Fields(line));

    [Theory]
    [InlineData("kvm_exit: vcpu 0 reason EPT_VIOLATION rip")]
    [InlineData("kvm_exit: vcpu 0 reason EPT_VIOLATION ri")]
    [InlineData("kvm_exit: vcpu 0 reason EPT_VIOLA")]
    [InlineData("kvm_mmu_set_spte: gfn 100 spte xyz (rwxu) level 1 at e8fc800")]
    [InlineData("kvm_mmu_set_spte: gfn 100 spte 1 (rwxu) level 9 at e8fc800")]
    [InlineData("kvm_page_fault: new words of a newer kernel")]
    [InlineData("kvm_mmu_get_page: sp gen 0 gfn 200 l4 8-byte")]
    public void An_event_in_a_form_that_is_not_known_is_kept_as_text_and_named(string line)
    {
        var listing = Listing.Of($" vmm-1 [000] ..... 1.0: {line}\n");
        Assert.Equal($"other {line}", Assert.Single(listing.Lines));
        Assert.Equal(1, listing.Summary.UnreadableEvents);
        Assert.Equal(1, Assert.Single(listing.Damaged).Line);
    }
}
