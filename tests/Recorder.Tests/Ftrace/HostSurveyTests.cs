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
        Assert.Equal("6.0 or later", findings.Kernel);
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

    [Fact]
    public void Two_threads_that_enter_one_vcpu_are_two_machines()
    {
        var findings = Survey(" a-1 [000] ..... 1.0: kvm_entry: vcpu 0\n b-2 [000] ..... 2.0: kvm_entry: vcpu 0\n a-1 [000] ..... 3.0: kvm_entry: vcpu 1\n"u8.ToArray());
        Assert.Equal([0], findings.SharedVcpus);
    }

    [Fact]
    public void The_place_where_the_kernel_maps_memory_is_learned_where_it_is_randomised()
    {
        var findings = Survey(
            " a-1 [000] ..... 1.0: p: (mmu_set_spte+0x0/0x430 [kvm]) sptep=0xffff9f3a4e8fc800 old=0x0 gfn=0x100\n a-1 [000] ..... 2.0: kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8fc800\n"u8.ToArray());
        Assert.Equal(0xffff_9f3a_4000_0000UL, findings.DirectMap);
    }

    private static HostFindings Survey(byte[] text)
    {
        using var file = new TemporaryFile(text);
        using var input = FtraceInput.Open(file.Path);
        return input.Survey();
    }
}
