namespace Replay.Recorder.Tests.Ftrace;

/// <summary>Lines of <c>perf trace</c>, which leaves out what is 0: they give the event that the kernel's own words give.</summary>
public sealed class PerfTraceTests
{
    private const string Before = " CPU 0/KVM-2343  [001] d..1. 1.000000: kvm_entry: vcpu 0, rip 0x10\n";
    private const string After = " CPU 0/KVM-2343  [001] d..1. 9.000000: kvm_entry: vcpu 0, rip 0x20\n";

    /// <summary>What <c>perf trace</c> makes of an event: what is 0 is not there.</summary>
    public static TheoryData<string, string> WithoutZeros => new()
    {
        { "kvm_entry: vcpu 0", "kvm:kvm_entry()" },
        { "kvm_entry: vcpu 3, rip 0xffffffff81000000", "kvm:kvm_entry(vcpu_id: 3, rip: -2130706432)" },
        { "kvm_exit: reason EXCEPTION_NMI rip 0x10 info 0 0", "kvm:kvm_exit(guest_rip: 16, isa: 1)" },
        { "kvm_exit: reason read_cr0 rip 0x10 info 0 0", "kvm:kvm_exit(guest_rip: 16, isa: 2)" },
        { "kvm_exit: vcpu 1 reason npf rip 0x10 info 100000006 fd000", "kvm:kvm_exit(exit_reason: 1024, guest_rip: 16, isa: 2, info1: 4294967302, info2: 1036288, vcpu_id: 1)" },
        { "kvm_page_fault: address 0 error_code 0", "kvm:kvm_page_fault()" },
        { "kvm_page_fault: vcpu 1 rip 0x10 address 0x200000 error_code 0x782", "kvm:kvm_page_fault(vcpu_id: 1, guest_rip: 16, fault_address: 2097152, error_code: 1922)" },
        { "kvm_tdp_mmu_spte_changed: as id 0 gfn 0 level 3 old_spte 0 new_spte 8000000000000ab3", "kvmmmu:kvm_tdp_mmu_spte_changed(new_spte: -9223372036854773069, level: 3)" },
        { "kvm_tdp_mmu_spte_changed: as id 1 gfn 99 level 1 old_spte 5a0 new_spte 0", "kvmmmu:kvm_tdp_mmu_spte_changed(gfn: 153, old_spte: 1440, level: 1, as_id: 1)" },
        { "kvm_mmu_set_spte: gfn 0 spte 600000d701b77 (rwxu) level 1 at ab36800", "kvmmmu:kvm_mmu_set_spte(spte: 1688850085714807, sptep: 179529728, level: 1, r: 1, x: 1, u: 1)" },
        { "kvm_mmu_spte_requested: gfn 0 pfn 0 level 1", "kvmmmu:kvm_mmu_spte_requested(level: 1)" },
        { "fast_page_fault: vcpu 0 gva 0 error_code P|W sptep (null) old 1 new 3 spurious 0 fixed 1", "kvmmmu:fast_page_fault(error_code: 3, old_spte: 1, new_spte: 3)" },
        { "fast_page_fault: vcpu 0 gva 1000 error_code P|W sptep (null) old 1 new 3 spurious 0 fixed 1", "kvmmmu:fast_page_fault(gva: 4096, error_code: 3, old_spte: 1, new_spte: 3)" },
        { "kvm_unmap_hva_range: mmu notifier unmap range: 0x0 -- 0x1000", "kvm:kvm_unmap_hva_range(end: 4096)" },
        { "kvm_test_age_hva: mmu notifier test age hva: 0x7f0000001000", "kvm:kvm_test_age_hva(hva: 139637976731648)" },
        { "kvm_cr: cr_read 0 = 0x0", "kvm:kvm_cr()" },
        { "kvm_cr: cr_write 3 = 0x1000", "kvm:kvm_cr(rw: 1, cr: 3, val: 4096)" },
        { "kvm_msr: msr_write c0000080 = 0x500", "kvm:kvm_msr(write: 1, ecx: 3221225600, data: 1280)" },
        { "kvm_inj_exception: #PF (0x2)", "kvm:kvm_inj_exception(exception: 14, has_error: 1, error_code: 2)" },
        { "kvm_inj_exception: #PF (0x0)", "kvm:kvm_inj_exception(exception: 14, has_error: 1)" },
        { "kvm_inj_exception: #DE", "kvm:kvm_inj_exception()" },
        { "kvm_mmio: mmio write len 4 gpa 0xfee000b0 val 0x0", "kvm:kvm_mmio(type: 2, len: 4, gpa: 4276093104)" },
        { "kvm_fast_mmio: fast mmio at gpa 0xfee00000", "kvm:kvm_fast_mmio(gpa: 4276092928)" },
        { "check_mmio_spte: spte 18 kvm_gen 4 spte-gen 0 valid 0", "kvmmmu:check_mmio_spte(kvm_gen: 4, spte: 24)" },
        { "kvm_mmu_split_huge_page: gfn 200 spte 83 level 2 errno 0", "kvmmmu:kvm_mmu_split_huge_page(gfn: 512, spte: 131, level: 2)" },
        { "kvm_mmu_pagetable_walk: addr 1000 pferr 2 W", "kvmmmu:kvm_mmu_pagetable_walk(addr: 4096, pferr: 2)" },
    };

    [Theory]
    [MemberData(nameof(WithoutZeros))]
    public void Perf_trace_leaves_out_what_is_zero(string plain, string bracketed)
    {
        var listing = Listing.Of($"     0.103 CPU 0/KVM/2343 {bracketed}\n");
        Assert.Empty(listing.Damaged);
        Assert.Equal(Listing.Fields(plain), Assert.Single(listing.Lines));
    }

    /// <summary>Of a line that was cut, nothing says which of its fields are 0; without their names, which is which.</summary>
    [Theory]
    [InlineData("kvm:kvm_exit(exit_reason: 1024, guest_rip: 16, isa: 2, info")]
    [InlineData("kvmmmu:kvm_tdp_mmu_spte_changed(gfn: 153, old_spte: 1440,")]
    [InlineData("kvmmmu:kvm_tdp_mmu_spte_changed(153, 1440, 0, 1, 0)")]
    [InlineData("kvm:kvm_page_fault(0, 16)")]
    public void Of_perf_trace_no_field_is_taken_for_zero_that_may_have_been_there(string cut)
    {
        var listing = Listing.Of(Before + $"     0.103 CPU 0/KVM/2343 {cut}\n" + After);
        Assert.DoesNotContain(listing.Lines, line => line.Contains("SpteChanged", StringComparison.Ordinal) || line.Contains("PageFault", StringComparison.Ordinal) || line.Contains("Info2 = 0", StringComparison.Ordinal));
        Assert.Equal([Listing.Fields("kvm_entry: vcpu 0, rip 0x10"), Listing.Fields("kvm_entry: vcpu 0, rip 0x20")], listing.Lines.Where(line => line.StartsWith("Entry", StringComparison.Ordinal)));
    }
}
