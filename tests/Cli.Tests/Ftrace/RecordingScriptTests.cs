using System.Diagnostics;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>The script that records on a host, against a tracefs made of files.</summary>
public sealed class RecordingScriptTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("6.1")]
    [InlineData("6.12")]
    public async Task The_script_is_one_of_a_POSIX_shell(string kernel)
    {
        await Print("--kernel", kernel);
        Assert.Equal((0, ""), Shell($"sh -n {_folder["r.sh"]}"));
    }

    [Fact]
    public async Task It_sets_what_the_kernel_has_reports_losses_and_takes_everything_back()
    {
        await Print("--seconds", "1", "--trace", _folder["out.txt"]);
        MakeTracefs();
        var (exitCode, text) = Shell($"{Environment()} RELEASE=6.1.0-28-amd64 sh {_folder["r.sh"]} 2>&1");
        Assert.True(exitCode == 0, text);
        Assert.Equal("the trace\n", File.ReadAllText(_folder["out.txt"]));
        Assert.Contains("LOST 7 events", text, StringComparison.Ordinal);
        Assert.Contains("has not, or has inlined:", text, StringComparison.Ordinal);
        Assert.Contains("direct_page_fault", text, StringComparison.Ordinal);
        var probes = File.ReadAllLines(_folder["tracefs/kprobe_events"]);
        // A clone of the compiler's is found under its own name.
        Assert.Contains(probes, line => line.StartsWith("p:replay_", StringComparison.Ordinal) && line.Contains("/link_shadow_page __link_shadow_page.constprop.0 sptep=%dx:x64", StringComparison.Ordinal));
        Assert.DoesNotContain(probes, line => line.Contains(" direct_page_fault ", StringComparison.Ordinal));
        Assert.Equal(probes.Where(line => line[0] is 'p' or 'r').Select(line => line[2..line.IndexOf(' ', StringComparison.Ordinal)]).Order(), probes.Where(line => line.StartsWith("-:", StringComparison.Ordinal)).Select(line => line[2..]).Order());
        Assert.Empty(Directory.GetDirectories(_folder["tracefs/instances"]));
    }

    /// <summary>
    /// Where a tool tells the kernel's types, structures are as they are there, a function that takes something else has no probe, and any
    /// kernel will do.
    /// </summary>
    [Theory]
    [InlineData("6.1.0-28-amd64", true)]
    [InlineData("6.6.20", false)]
    public async Task Structures_and_arguments_are_the_kernels_own_where_bpftool_tells_them(string release, bool known)
    {
        await Print("--seconds", "1", "--trace", _folder["out.txt"]);
        MakeTracefs();
        Directory.CreateDirectory(_folder["btf"]);
        File.WriteAllText(_folder["btf/vmlinux"], "");
        File.WriteAllText(_folder["bin/bpftool"], """
            #!/bin/sh
            cat <<'END'
            [1] STRUCT 'kvm_mmu_page' size=184 vlen=3
            	'role' type_id=2 bits_offset=320
            	'gfn' type_id=2 bits_offset=384
            	'spt' type_id=2 bits_offset=448
            [7] FUNC_PROTO '(anon)' ret_type_id=0 vlen=7
            	'vcpu' type_id=2
            	'slot' type_id=2
            	'sptep' type_id=2
            	'pte_access' type_id=2
            	'gfn' type_id=2
            	'pfn' type_id=2
            	'fault' type_id=2
            [8] FUNC 'mmu_set_spte' type_id=7 linkage=static
            [9] FUNC_PROTO '(anon)' ret_type_id=0 vlen=1
            	'rmap_head' type_id=2
            [10] FUNC 'pte_list_add' type_id=9 linkage=static
            END

            """);
        Shell($"chmod +x {_folder["bin/bpftool"]}");
        var (exitCode, text) = Shell($"{Environment()} BTF={_folder["btf"]} RELEASE={release} sh {_folder["r.sh"]} 2>&1");
        Assert.True(exitCode == 0, text);
        Assert.Contains("BTF (bpftool)", text, StringComparison.Ordinal);
        var probes = File.ReadAllLines(_folder["tracefs/kprobe_events"]).Where(line => line[0] is 'p' or 'r').ToList();
        Assert.Contains(probes, line => line.EndsWith("/mmu_set_spte mmu_set_spte sptep=%dx:x64 old=+0(%dx):x64 gfn=%r8:x64 pfn=%r9:x64", StringComparison.Ordinal));
        // It takes other things here; and of a clone the types say nothing, so that only the known kernel's registers are trusted.
        Assert.DoesNotContain(probes, line => line.Contains("pte_list_add", StringComparison.Ordinal));
        Assert.Equal(known, probes.Exists(line => line.EndsWith("/link_shadow_page __link_shadow_page.constprop.0 sptep=%dx:x64 old=+0(%dx):x64 sp=%cx:x64 spt=+56(%cx):x64 gfn=+48(%cx):x64 role=+40(%cx):x32", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task On_another_kernel_it_records_tracepoints_alone()
    {
        await Print("--seconds", "1", "--trace", _folder["out.txt"]);
        MakeTracefs();
        var (exitCode, text) = Shell($"{Environment()} RELEASE=5.15.0-1-generic sh {_folder["r.sh"]} 2>&1");
        Assert.True(exitCode == 0, text);
        Assert.Contains("tracepoints alone", text, StringComparison.Ordinal);
        Assert.Equal("", File.ReadAllText(_folder["tracefs/kprobe_events"]));
    }

    [Fact]
    public async Task An_interrupt_ends_it_early_with_the_trace_written_and_everything_taken_back()
    {
        await Print("--seconds", "100000", "--trace", _folder["out.txt"]);
        MakeTracefs();
        var start = new ProcessStartInfo("setsid", ["sh", "-c", $"{Environment()} RELEASE=6.1.0 exec sh {_folder["r.sh"]}"]) { UseShellExecute = false };
        using var script = Process.Start(start)!;
        var recording = new DirectoryInfo(_folder["tracefs/instances"]);
        while (!script.HasExited && !recording.EnumerateFiles("tracing_on", SearchOption.AllDirectories).Any(file => File.ReadAllText(file.FullName).StartsWith('1')))
            await Task.Delay(50, TestContext.Current.CancellationToken);
        // A terminal's Ctrl-C reaches the script and what it waits for.
        Process.Start("sh", ["-c", $"kill -s INT -- -{script.Id}"]).WaitForExit();
        Assert.True(script.WaitForExit(Hang.Limit), "it goes on");
        Assert.Equal("the trace\n", File.ReadAllText(_folder["out.txt"]));
        Assert.Empty(Directory.GetDirectories(_folder["tracefs/instances"]));
    }

    [Theory]
    [InlineData("--kernel", "4.4")]
    [InlineData("--seconds", "0")]
    [InlineData("--trace", "a;b")]
    public async Task What_no_script_can_do_is_refused(string option, string value)
    {
        var (exitCode, _, error) = await CommandRunner.Run("record", "host", "--print-script", option, value);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains(option, error, StringComparison.Ordinal);
    }

    private async Task Print(params string[] options)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["record", "host", "--print-script", .. options]);
        Assert.True(exitCode == ExitCode.Done, error);
        File.WriteAllText(_folder["r.sh"], text);
    }

    private string Environment() => $"PATH={_folder["bin"]}:$PATH TRACEFS={_folder["tracefs"]} KALLSYMS={_folder["kallsyms"]}";

    /// <summary>Files where tracefs has files; making an instance fills it, removing it empties it, as the kernel does.</summary>
    private void MakeTracefs()
    {
        foreach (var name in (string[])["tracefs/events/kvm", "tracefs/instances", "bin", "template/events/kvm", "template/events/kvmmmu", "template/per_cpu/cpu0"])
            Directory.CreateDirectory(_folder[name]);
        foreach (var name in (string[])["tracefs/kprobe_events", "template/events/kvm/enable", "template/events/kvmmmu/enable", "template/tracing_on"])
            File.WriteAllText(_folder[name], "");
        File.WriteAllText(_folder["template/trace"], "the trace\n");
        File.WriteAllText(_folder["template/per_cpu/cpu0/stats"], "entries: 5\noverrun: 7\ndropped events: 0\n");
        File.WriteAllText(_folder["kallsyms"], "ffffffffc0001000 t mmu_set_spte\t[kvm]\nffffffffc0002000 t __link_shadow_page.constprop.0\t[kvm]\nffffffffc0003000 t pte_list_add\t[kvm]\nffffffffc0004000 t direct_page_fault.cold\t[kvm]\n");
        File.WriteAllText(_folder["bin/mkdir"], $"#!/bin/sh\n/bin/mkdir \"$@\" && cp -r {_folder["template"]}/. \"$1\"\n");
        File.WriteAllText(_folder["bin/rmdir"], "#!/bin/sh\nrm -r \"$1\"\n");
        Shell($"chmod +x {_folder["bin/mkdir"]} {_folder["bin/rmdir"]}");
    }

    private static (int ExitCode, string Text) Shell(string command)
    {
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(command);
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text);
    }
}
