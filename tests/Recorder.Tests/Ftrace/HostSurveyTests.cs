using Replay.Recorder.Ftrace;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>What a trace tells of its host.</summary>
public sealed class HostSurveyTests
{
    [Theory]
    [InlineData("amd-npt-lm2m.thp.trace.gz", false, HostPaging.Npt, false)]
    [InlineData("amd-npt-tdp-ptemod.thp.trace.gz", false, HostPaging.Npt, true)]
    [InlineData("intel-ept-tdp-mmio.4k.trace.gz", true, HostPaging.Ept, true)]
    [InlineData("intel-ept-nopg.thp.trace.gz", true, HostPaging.Ept, false)]
    [InlineData("amd-shadow-mmio.4k.trace.gz", false, HostPaging.Shadow, false)]
    [InlineData("intel-shadow-nopg.thp.trace.gz", true, HostPaging.Shadow, false)]
    public void The_host_is_known_from_a_real_trace(string name, bool isIntel, HostPaging paging, bool usesTdp)
    {
        var findings = Survey(TestTraces.Read(name));
        Assert.Equal((isIntel, paging, usesTdp), (findings.IsIntel, findings.Paging, findings.UsesTdpMmu));
        Assert.Equal(0xffff_8880_0000_0000UL, findings.DirectMap);
        Assert.False(findings.PresentByRights);
        // The TDP MMU's roots are probed under the name that they had up to 6.8.
        Assert.Equal(usesTdp ? "6.0 to 6.8" : "6.0 or later", findings.Kernel);
    }

    [Fact]
    public void Without_exits_and_faults_nothing_is_guessed()
    {
        var findings = Survey(" vmm-1 [000] ..... 1.0: kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8fc800\n"u8.ToArray());
        Assert.Null(findings.IsIntel);
        Assert.Equal(HostPaging.Unknown, findings.Paging);
        Assert.Null(findings.DirectMap);
    }

    [Fact]
    public void An_old_kernel_has_entries_without_the_present_bit()
    {
        var findings = Survey(TestTraces.Read("linux-4.19.txt"));
        Assert.True(findings.PresentByRights);
        Assert.Equal("before 5.10", findings.Kernel);
    }

    /// <summary>Before 5.10 the exit's second number says which exception it was.</summary>
    [Theory]
    [InlineData("80000b0e", HostPaging.Shadow)]
    [InlineData("80000306", HostPaging.Unknown)]
    public void An_old_exit_for_a_page_fault_is_one_of_shadow_paging(string info, HostPaging expected)
    {
        var findings = Survey(System.Text.Encoding.ASCII.GetBytes($" a.out-2 [001] .... 1.0: kvm_exit: reason EXCEPTION_NMI rip 0x2000 info 2000 {info}\n"));
        Assert.Equal((true, expected), (findings.IsIntel, findings.Paging));
    }

    [Fact]
    public void Two_threads_that_enter_one_vcpu_are_two_machines()
    {
        var findings = Survey(" a-1 [000] ..... 1.0: kvm_entry: vcpu 0\n b-2 [000] ..... 2.0: kvm_entry: vcpu 0\n a-1 [000] ..... 3.0: kvm_entry: vcpu 1\n"u8.ToArray());
        Assert.Equal(["1", "2"], findings.Vms.Select(vm => vm.Name));
    }

    [Fact]
    public void The_place_where_the_kernel_maps_memory_is_learned_where_it_is_randomised()
    {
        var findings = Survey(
            " a-1 [000] ..... 1.0: p: (mmu_set_spte+0x0/0x430 [kvm]) sptep=0xffff9f3a4e8fc800 old=0x0 gfn=0x100\n a-1 [000] ..... 2.0: kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8fc800\n"u8.ToArray());
        Assert.Equal(0xffff_9f3a_4000_0000UL, findings.DirectMap);
    }

    [Theory]
    [InlineData(" a-1 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 60000045529bb77\n a-1 [000] ..... 1.0: kvm_exit: reason EPT_VIOLATION rip 0x1 info 181 0\n", "5.12 or later")]
    [InlineData(" a-1 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 0 new_spte 60000045529bb77\n a-1 [000] ..... 1.0: kvm_page_fault: address 99000 error_code 182\n", "5.12 to 5.19")]
    [InlineData(" a-1 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 600000455299b77 new_spte 8000000000000000\n", "6.10 or later")]
    [InlineData(" a-1 [000] ..... 1.0: kvm_tdp_mmu_spte_changed: as id 0 gfn 99 level 1 old_spte 8600000455299b77 new_spte 80000000000005a0\n", "6.10 or later")]
    [InlineData(" a-1 [000] ..... 1.0: fast_page_fault: vcpu 0 gva 200000 error_code P|W|U|0x200000000 sptep 00000000abcdef01 old 0x343fe65 new 343fe67 spurious 0 fixed 1\n", "6.10 or later")]
    [InlineData(" a-1 [000] ..... 1.0: kvm_page_fault: vcpu 0 rip 0x1 address 0x99000 error_code 0x182\n a-1 [000] ..... 1.0: kvm_set_spte_hva: mmu notifier set pte hva: 0x7f0000000000\n", "6.0 to 6.9")]
    public void The_kernel_follows_from_the_events_that_are_there(string trace, string kernel) =>
        Assert.Equal(kernel, Survey(System.Text.Encoding.Latin1.GetBytes(trace)).Kernel);

    [Theory]
    [InlineData("kvm_mmu_set_spte: gfn 100 spte 60000000d701b77 (rwxu) level 1 at ab36800", HostPaging.Ept)]
    [InlineData("kvm_tdp_mmu_spte_changed: as id 0 gfn 100 level 1 old_spte 0 new_spte 86000000d701e67", HostPaging.Npt)]
    [InlineData("kvm_page_fault: vcpu 0 rip 0x1 address 0x7f00 error_code 0x6\n a-1 [000] ..... 1.0: kvm_mmu_set_spte: gfn 100 spte 86000000d701e67 (rwxu) level 1 at ab36800", HostPaging.Shadow)]
    [InlineData("kvm_mmu_set_spte: gfn 100 spte 86000000d701e67 (rwxu) level 1 at ab36800", HostPaging.Unknown)]
    public void The_bits_of_entries_tell_the_host_where_no_exit_does(string text, HostPaging paging) =>
        Assert.Equal(paging, Survey(System.Text.Encoding.Latin1.GetBytes($" a-1 [000] ..... 1.0: {text}\n")).Paging);

    [Theory]
    [InlineData("npf", false)]
    [InlineData("EXIT_NPF", false)]
    [InlineData("EXIT_EXCP_PF", false)]
    [InlineData("EXIT_WRITE_CR3", false)]
    [InlineData("PF excp", false)]
    [InlineData("EPT_VIOLATION", true)]
    [InlineData("EPT_VIOLATION FAILED_VMENTRY", true)]
    [InlineData("PENDING_INTERRUPT", true)]
    [InlineData("0x30", null)]
    [InlineData("UNKNOWN (1024)", null)]
    public void The_vendor_is_told_by_the_kernel_s_own_tables_of_reasons(string reason, bool? isIntel) =>
        Assert.Equal(isIntel, Survey(System.Text.Encoding.Latin1.GetBytes($" a-1 [000] ..... 1.0: kvm_exit: vcpu 0 reason {reason} rip 0x1 info 1 2\n")).IsIntel);

    [Fact]
    public void VMs_are_told_apart_by_process_or_else_by_rows_of_vCPU_threads()
    {
        Assert.Equal(["70", "90"], Names(" q-71 (     70) [000] ..... 1.0: kvm_entry: vcpu 0\n q-91 (     90) [000] ..... 2.0: kvm_entry: vcpu 0\n q-72 (     70) [000] ..... 3.0: kvm_entry: vcpu 1\n"));
        Assert.Equal(["70", "90"], Names(" q  70/71 [000] 1.0: kvm:kvm_entry: vcpu 0\n q  90/91 [000] 2.0: kvm:kvm_entry: vcpu 0\n"));
        Assert.Equal(["71", "91"], Names(" q-71 [000] ..... 1.0: kvm_entry: vcpu 0\n q-72 [000] ..... 2.0: kvm_entry: vcpu 1\n q-91 [000] ..... 2.0: kvm_entry: vcpu 0\n q-92 [000] ..... 3.0: kvm_entry: vcpu 1\n"));
        Assert.Equal(["a.dat 71", "b.dat 71"], Names(" a.dat:  q-71 [000] 1.0: kvm_entry: vcpu 0\n b.dat:  q-71 [000] 2.0: kvm_entry: vcpu 0\n"));

        static IEnumerable<string> Names(string trace) => Survey(System.Text.Encoding.Latin1.GetBytes(trace)).Vms.Select(vm => vm.Name);
    }

    /// <summary>A VM that begins when a large trace is nearly over is found, compressed or not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_is_looked_at_to_its_end(bool compressed)
    {
        using var file = new TemporaryFile([]);
        using (var raw = File.Create(file.Path))
        using (var text = new StreamWriter(compressed ? new System.IO.Compression.GZipStream(raw, System.IO.Compression.CompressionLevel.Fastest) : raw, System.Text.Encoding.Latin1))
        {
            for (var i = 0; i < (FtraceInput.SurveyBytes / 40) + 10_000; i++)
                text.Write(" a-1 [000] ..... 1.0: kvm_entry: vcpu 0\n");
            text.Write(" b-2 [000] ..... 2.0: kvm_entry: vcpu 0\n");
        }

        using var input = FtraceInput.Open(file.Path);
        var findings = input.Survey(TestContext.Current.CancellationToken);
        Assert.Equal(["1", "2"], findings.Vms.Select(vm => vm.Name));
        Assert.False(findings.IsPartial);
    }

    private static HostFindings Survey(byte[] text)
    {
        using var file = new TemporaryFile(text);
        using var input = FtraceInput.Open(file.Path);
        return input.Survey(TestContext.Current.CancellationToken);
    }
}
