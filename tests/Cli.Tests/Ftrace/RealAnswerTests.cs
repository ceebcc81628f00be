using System.Text.Json;
using System.Text.RegularExpressions;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>The questions of <see cref="WrongAnswerTests"/>, of real traces in the shapes that people have them in, held against what else tells.</summary>
public sealed partial class RealAnswerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>trace-cmd report, with libtraceevent's plugin for kvm: names of its own, fields of an old kernel.</summary>
    [Theory]
    [InlineData("amd-npt-lm2m.thp", "npt")]
    [InlineData("amd-shadow-mmio.4k", "shadow")]
    public async Task Exits_through_the_plugin_are_those_of_the_kernel_s_own_words(string trace, string mode)
    {
        var text = RealTrace.Stock(RealTrace.Text(trace));
        await Import("plain", text);
        var plugin = Exit().Replace(text, exit => $"kvm_exit:             reason {PluginName(exit.Groups[1].Value)} rip {exit.Groups[2].Value} info {exit.Groups[3].Value.TrimStart('0').PadLeft(1, '0')} {exit.Groups[4].Value.TrimStart('0').PadLeft(1, '0')}");
        Assert.Contains("reason EXIT_", plugin, StringComparison.Ordinal);
        var said = await Import("plugin", plugin);
        Assert.Contains($"host: AMD, {(mode == "npt" ? "NPT" : "shadow paging")}", said, StringComparison.Ordinal);
        var exits = await Query("plain", "select reason, info1, info2, rip, count(*) from vm_exit group by 1, 2, 3, 4 order by 1, 2, 3, 4");
        Assert.NotEmpty(exits);
        Assert.Equal(exits, await Query("plugin", "select reason, info1, info2, rip, count(*) from vm_exit group by 1, 2, 3, 4 order by 1, 2, 3, 4"));
    }

    [Theory]
    [InlineData("intel-ept-tdp-mmio.4k")]
    [InlineData("amd-6.12-npt-tdp-lm4k.reslotq")]
    public async Task Half_a_trace_has_every_frame_that_its_lines_name(string trace)
    {
        var lines = RealTrace.Stock(RealTrace.Text(trace)).Split('\n');
        string[] half = [.. lines[(lines.Length / 2)..]];
        await Import("half", string.Join('\n', half));
        var told = half.Select(line => Changed().Match(line)).Where(match => match.Success).Select(match => (Gfn: Convert.ToInt64(match.Groups[1].Value, 16), Level: match.Groups[2].Value)).ToList();
        Assert.True(told.Count > 50, $"{told.Count}");
        Assert.Equal(
            told.Select(change => $"{change.Gfn} {change.Level}").Order(StringComparer.Ordinal),
            (await Query("half", "select gfn || ' ' || level from table_write where tracepoint_line like 'kvm_tdp_mmu_spte_changed%'")).Select(row => row[0]).Order(StringComparer.Ordinal));
        var (gfn, _) = told.First(change => change.Level == "1");
        var of = told.Count(change => change == (gfn, "1"));
        Assert.Equal(of, (await Query("half", "@writes-to-range", "-p", $"from={gfn << 12}", "-p", $"to={(gfn << 12) + 4095}")).Count(row => row.Contains("1")));
        Assert.NotEmpty(await Query("half", "@why-gfn", "-p", $"gfn={gfn}"));
        Assert.NotEmpty(await Query("half", "@hot-gfns"));
    }

    /// <summary>What follows tells of a fault how it ended: as the probes on the handlers' returns do.</summary>
    [Theory]
    [InlineData("intel-ept-nopg.thp")]
    [InlineData("amd-npt-lm2m.thp")]
    [InlineData("amd-npt-tdp-ptemod.thp")]
    [InlineData("amd-npt-tdp-smpshared.lazy")]
    [InlineData("intel-ept-tdp-mmio.4k")]
    public async Task How_faults_ended_is_derived_as_the_probes_saw_it(string trace)
    {
        const string Outcomes = "select vcpu, address, access, outcome from fault where handler <> 'handle_mmio_page_fault' order by vcpu, fault_id";
        await Import("probed", RealTrace.Text(trace));
        await Import("stock", RealTrace.Stock(RealTrace.Text(trace)));
        var probed = await Query("probed", Outcomes);
        Assert.NotEmpty(probed);
        Assert.Equal(probed, await Query("stock", Outcomes));
        Assert.Equal([["yes"]], await Query("probed", "select shown from capability where fact = 'fault.outcome'"));
        Assert.Equal([["derived"]], await Query("stock", "select shown from capability where fact = 'fault.outcome'"));
    }

    [Fact]
    public async Task Pages_that_fault_again_are_the_same_without_probes()
    {
        await Import("probed", RealTrace.Text("amd-6.12-npt-tdp-lm4k.reslotq"));
        await Import("stock", RealTrace.Stock(RealTrace.Text("amd-6.12-npt-tdp-lm4k.reslotq")));
        const string Storms = "@refault-storms";
        var probed = (await Query("probed", Storms, "-p", "top=1000")).ConvertAll(row => string.Join(' ', row[..6])).Order().ToList();
        Assert.True(probed.Count > 100, $"{probed.Count}");
        Assert.Equal(probed, (await Query("stock", Storms, "-p", "top=1000")).ConvertAll(row => string.Join(' ', row[..6])).Order().ToList());
    }

    /// <summary>Two VMs of real traces, line by line beside each other, in one trace: each run is what its VM's own trace is.</summary>
    [Fact]
    public async Task Two_real_VMs_in_one_trace_keep_their_tables_apart()
    {
        string[] first = [.. RealTrace.Stock(RealTrace.Text("amd-npt-tdp-ptemod.thp")).Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        string[] second = [.. RealTrace.Stock(RealTrace.Text("amd-npt-tdp-smpshared.lazy")).Split('\n').Where(line => line.Length > 0 && line[0] != '#')];
        var threads = second.Select(line => Thread().Match(line).Groups[2].Value).Distinct().ToList();
        string[] one = [.. first.Select(line => Thread().Replace(line, " $1-70001 (  70001) "))];
        string[] other = [.. second.Select(line => Thread().Replace(line, match => $" {match.Groups[1].Value}-{80001 + threads.IndexOf(match.Groups[2].Value)} (  80001) "))];
        var mixed = new List<string>();
        for (var i = 0; i < Math.Max(one.Length, other.Length); i++)
        {
            if (i < one.Length)
                mixed.Add(one[i]);
            if (i < other.Length)
                mixed.Add(other[i]);
        }

        await Import("one", string.Join('\n', one) + "\n");
        await Import("other", string.Join('\n', other) + "\n");
        var said = await Import("both", string.Join('\n', mixed) + "\n");
        Assert.Contains("2 VMs, a run of each: 70001, 80001", said, StringComparison.Ordinal);
        const string Writes = "select level, gfn, old_hex, new_hex from table_write join run using (run) where name = '{0}' order by seq";
        Assert.Equal(await Query("one", Writes.Replace("{0}", "observed", StringComparison.Ordinal)), await Query("both", Writes.Replace("{0}", "observed-70001", StringComparison.Ordinal)));
        Assert.Equal(await Query("other", Writes.Replace("{0}", "observed", StringComparison.Ordinal)), await Query("both", Writes.Replace("{0}", "observed-80001", StringComparison.Ordinal)));
        const string Faults = "select vcpu, address, outcome from fault join run using (run) where name = '{0}' order by fault_id";
        Assert.Equal(await Query("one", Faults.Replace("{0}", "observed", StringComparison.Ordinal)), await Query("both", Faults.Replace("{0}", "observed-70001", StringComparison.Ordinal)));
        Assert.Equal(await Query("other", Faults.Replace("{0}", "observed", StringComparison.Ordinal)), await Query("both", Faults.Replace("{0}", "observed-80001", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("amd-npt-tdp-ptemod.thp", "6.0 or later")]
    [InlineData("intel-ept-tdp-mmio.4k", "6.0 or later")]
    [InlineData("amd-6.12-npt-tdp-lm4k.reslotq", "6.10 or later")]
    public async Task The_kernel_of_a_real_trace_is_none_that_its_events_rule_out(string trace, string kernel)
    {
        await Import("k", RealTrace.Stock(RealTrace.Text(trace)));
        var told = (await Query("k", "select kernel from run"))[0][0];
        Assert.Contains(kernel, told, StringComparison.Ordinal);
        Assert.DoesNotContain("before", told, StringComparison.Ordinal);
    }

    [GeneratedRegex("kvm_exit: vcpu [0-9]+ reason (.+?) rip (0x[0-9a-f]+) info1 0x([0-9a-f]+) info2 0x([0-9a-f]+).*")]
    private static partial Regex Exit();

    [GeneratedRegex("kvm_tdp_mmu_spte_changed: as id 0 gfn ([0-9a-f]+) level ([0-9])")]
    private static partial Regex Changed();

    [GeneratedRegex(" ([a-z0-9]+)-([0-9]+) +(?=\\[)")]
    private static partial Regex Thread();

    /// <summary>As plugin_kvm.c names them.</summary>
    private static string PluginName(string reason) => reason switch
    {
        "PF excp" => "EXIT_EXCP_PF",
        "interrupt" => "EXIT_INTR",
        "io" => "EXIT_IOIO",
        _ => $"EXIT_{reason.ToUpperInvariant()}",
    };

    private async Task<string> Import(string name, string text)
    {
        File.WriteAllText(_folder[$"{name}.txt"], text);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder[$"{name}.txt"], "--db", _folder[$"{name}.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }

    private async Task<List<string[]>> Query(string name, string sql, params string[] parameters)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["query", _folder[$"{name}.db"], sql, .. parameters, "--format", "jsonl"]);
        Assert.True(exitCode == ExitCode.Done, error);
        var rows = new List<string[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            rows.Add([.. json.RootElement.EnumerateObject().Select(column => column.Value.ToString())]);
        }

        return rows;
    }
}
