using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>
/// What tracepoints hide, filled in: real traces lose their probes, become captures, are replayed, and are held against what the probes
/// had shown.
/// </summary>
public sealed class ReconstructionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Real traces, the profile of their host, and the least share of real writes that is recovered in order.</summary>
    public static TheoryData<string, string, string, double> Traces => new()
    {
        { "amd-npt-lm2m.thp", "amd-tcg", "6.1", 1.0 },
        { "amd-npt-tdp-ptemod.thp", "amd-tcg", "6.1", 1.0 },
        { "intel-ept-tdp-mmio.4k", "intel-bochs", "6.1", 1.0 },
        { "intel-ept-nopg.thp", "intel-bochs", "6.1", 1.0 },
        { "amd-npt-smpcr3.4k", "amd-tcg", "6.1", 1.0 },
        { "amd-npt-tdp-smpshared.lazy", "amd-tcg", "6.1", 1.0 },
        { "amd-6.12-npt-lm2m.dirty4k", "amd-tcg", "6.12", 1.0 },
        { "amd-6.12-npt-tdp-lm2m.dirty4k", "amd-tcg", "6.12", 1.0 },
        { "amd-6.12-npt-tdp-lm4k.reslotq", "amd-tcg", "6.12", 1.0 },
    };

    [Theory]
    [MemberData(nameof(Traces))]
    public async Task Every_entry_write_is_recovered_from_stock_tracepoints(string trace, string host, string kernel, double floor)
    {
        var (share, _) = await Share(RealTrace.Text(trace), RealTrace.Stock(RealTrace.Text(trace)), host, kernel);
        Assert.True(share >= floor, $"{share:P2}");
        // The shadow MMU code makes links and clears that no tracepoint shows; of the TDP MMU all is shown but the last store of an atomic zap.
        var shown = await Query("stock.db", "select shown, count(*) from table_write join run using (run) where name = 'observed-filled' and actor = 'kvm' group by shown order by shown");
        // When the dirty log is read without a system call is taken from what follows, and said to be.
        HashSet<string> expected = trace.Contains("dirty", StringComparison.Ordinal) ? ["assumed", "derived", "seen"] : ["derived", "seen"];
        Assert.Subset(expected, shown.Select(row => row[0]).ToHashSet());
        Assert.True(shown.Count == expected.Count || trace.Contains("-tdp-", StringComparison.Ordinal));
        Assert.Equal([["seen"]], await Query("stock.db", "select distinct shown from table_write join run using (run) where name = 'observed'"));
    }

    /// <summary>
    /// Where the TDP MMU does not build the tables, nothing but the system call shows when the dirty log is read. What the CPU then writes
    /// without a fault, where PML logs it, no line shows at all.
    /// </summary>
    [Theory]
    [InlineData("intel-noad-ept-lm4k.dirty4k", "intel-bochs-noad", false, 0.95)]
    [InlineData("intel-noad-ept-lm4k.dirty4k", "intel-bochs-noad", true, 1.0)]
    [InlineData("intel-ept-lm2m.dirty4k", "intel-bochs", false, 0.66)]
    [InlineData("intel-ept-lm2m.dirty4k", "intel-bochs", true, 0.979)]
    public async Task Calls_that_read_the_dirty_log_fill_in_what_it_did(string trace, string host, bool calls, double floor)
    {
        var text = RealTrace.Text(trace);
        var stock = calls ? Regex.Replace(text, "tracing_mark_write: vmm checkpoint [0-9]+", "sys_ioctl(fd: 6, cmd: 4010ae42, arg: 7ffd00001000)") : text;
        var (share, error) = await Share(text, RealTrace.Stock(stock), host, "6.1");
        Assert.True(share >= floor, $"{share:P2}");
        Assert.Equal(!calls, error.Contains("when the dirty log was read", StringComparison.Ordinal));
    }

    private async Task<(double Share, string Error)> Share(string full, string stock, string host, string kernel)
    {
        File.WriteAllText(_folder["full.txt"], full);
        File.WriteAllText(_folder["stock.txt"], stock);
        await Run("import", "ftrace", _folder["full.txt"], "--db", _folder["full.db"], "--kernel", kernel);
        var error = await Run("import", "ftrace", _folder["stock.txt"], "-o", _folder["stock.capture"], "--db", _folder["stock.db"], "--host", host, "--kernel", kernel);
        var real = await Writes("full.db", "observed");
        var filled = await Writes("stock.db", "observed-filled");
        Assert.NotEmpty(real);
        Assert.Contains("trace and model agree", error, StringComparison.Ordinal);
        return ((double)Longest(real, filled) / real.Count, error);
    }

    [Theory]
    [InlineData("amd-6.12-npt-lm2m.dirty4k", "Linux 6.12")]
    [InlineData("amd-6.12-npt-tdp-lm4k.reslotq", "Linux 6.12")]
    [InlineData("amd-npt-tdp-ptemod.thp", "Linux 6.1 ")]
    public async Task The_kernel_is_known_by_its_lines(string trace, string expected)
    {
        File.WriteAllText(_folder["k.txt"], RealTrace.Stock(RealTrace.Text(trace)));
        var error = await Run("import", "ftrace", _folder["k.txt"], "-o", _folder["k.capture"]);
        Assert.Contains($"as {expected}", error, StringComparison.Ordinal);
    }

    /// <summary>A capture of a VM whose memslots went one by one is replayed so, and with --module-param as it would be otherwise.</summary>
    [Fact]
    public async Task A_slot_that_went_alone_takes_everything_along_where_the_quirk_is_on()
    {
        File.WriteAllText(_folder["s.txt"], RealTrace.Stock(RealTrace.Text("amd-6.12-npt-tdp-lm4k.reslotq")));
        await Run("import", "ftrace", _folder["s.txt"], "-o", _folder["s.capture"], "--host", "amd-tcg");
        await Run("run", _folder["s.capture"], "-o", _folder["s.db"], "-q");
        await Run("run", _folder["s.capture"], "--module-param", "slot_zap_quirk=Y", "-o", _folder["s.db"], "--append", "-q");
        var zapped = await Query("s.db", "select profile, (select count(*) from page_operation as o where o.run = run.run and operation = 'zap') from run order by run");
        Assert.Equal(["amd-tcg+slot_zap_quirk=N", "amd-tcg+slot_zap_quirk=Y"], zapped.Select(row => row[0]));
        Assert.True(long.Parse(zapped[1][1], CultureInfo.InvariantCulture) > 3 * long.Parse(zapped[0][1], CultureInfo.InvariantCulture), string.Join(' ', zapped.SelectMany(row => row)));
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("verify", _folder["s.db"], "-q")).ExitCode);
    }

    /// <summary>A trace whose lines were changed: another value is set than the kernel sets, and a zap is not shown.</summary>
    [Fact]
    public async Task Every_place_where_trace_and_model_part_is_shown_the_first_with_both_sides()
    {
        var lines = RealTrace.Stock(RealTrace.Text("amd-6.12-npt-tdp-lm4k.reslotq")).Split('\n').ToList();
        var zap = lines.FindIndex(line => line.EndsWith("gfn 80a level 1 old_spte 5455e67 new_spte 8000000000000000", StringComparison.Ordinal));
        lines[zap] = lines[zap].Replace("new_spte 8000000000000000", "new_spte 8600000012345e67", StringComparison.Ordinal);
        lines.RemoveAt(lines.FindIndex(zap + 1, line => line.Contains("gfn 80f level 1", StringComparison.Ordinal)));
        File.WriteAllText(_folder["d.txt"], string.Join('\n', lines));
        var error = await Run("import", "ftrace", _folder["d.txt"], "-o", _folder["d.capture"], "--db", _folder["d.db"], "--host", "amd-tcg");

        var parted = await Query("d.db", "@divergences");
        Assert.Contains(parted, row => row[4] == "0x80a" && row[5] == "0x5455e67 -> 0x8600000012345e67" && row[2] == "vmm");
        Assert.Contains(parted, row => row[4] == "0x80a" && row[6] == "0x5455e67 -> 0x8000000000000000" && row[8].Contains("kvm_zap_memslot", StringComparison.Ordinal) | row[8].Contains("kvm_mmu_zap_memslot", StringComparison.Ordinal));
        Assert.Contains(parted, row => row[4] == "0x80f" && row[5].Length == 0);
        Assert.Equal([[$"{parted.Count}"]], await Query("d.db", "select count(*) from table_write where shown in ('unmodelled', 'missing')"));
        Assert.Matches("writes of the trace are not the model's, [0-9]+ of the model's are not in the trace", error);
        Assert.Matches("the first is at event 2,174 of the trace\n  trace:\n(      event .*\n){5}    > no such write\n(      event .*\n){5}  model:\n(      event .*\n){5}    > event 2174 +level 1 gfn 0x80a: .*\n(      event .*\n){5}    because __kvm_set_memory_region > ", error.Replace("\r", "", StringComparison.Ordinal));

        var pages = new List<string[]>();
        while (await Query("d.db", "@divergences", "-p", "top=2", "-p", $"from={(pages.Count == 0 ? 0 : long.Parse(pages[^1][0], CultureInfo.InvariantCulture) + 1)}") is { Count: > 0 } page)
            pages.AddRange(page);
        Assert.Equal(parted.Select(row => row[0]).Distinct(), pages.Select(row => row[0]).Distinct());

        // And what a trace cannot show is said where it is asked for.
        var (_, _, hint) = await CommandRunner.Run("query", _folder["d.db"], "@faults-by-process");
        Assert.Contains("run observed: its trace does not show the guest's CR3", hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_mapped_before_a_cut_trace_begins_is_told_as_earlier_and_nothing_else_is_made_up()
    {
        var lines = RealTrace.Stock(RealTrace.Text("intel-ept-nopg.thp")).Split('\n');
        var middle = Array.FindIndex(lines, lines.Length / 2, line => line.Contains(": kvm_exit:", StringComparison.Ordinal));
        File.WriteAllText(_folder["cut.txt"], string.Join('\n', lines[middle..]));
        var error = await Run("import", "ftrace", _folder["cut.txt"], "-o", _folder["cut.capture"], "--db", _folder["cut.db"], "--host", "intel-bochs");
        var shown = (await Query("cut.db", "select shown, count(*) from table_write join run using (run) where name = 'observed-filled' and actor = 'kvm' group by shown")).ToDictionary(row => row[0], row => row[1]);
        Assert.True(shown.ContainsKey("earlier"), error);
        Assert.False(shown.ContainsKey("missing"), error);
        // Each leaf that the trace shows is there.
        Assert.Equal(
            await Query("cut.db", "select count(*) from table_write join run using (run) where name = 'observed' and new_kind in ('page', 'huge')"),
            await Query("cut.db", "select count(*) from table_write join run using (run) where name = 'observed-filled' and new_kind in ('page', 'huge') and actor = 'kvm' and shown = 'seen'"));
    }

    [Fact]
    public async Task Nothing_is_carried_over_a_gap()
    {
        var lines = RealTrace.Stock(RealTrace.Text("intel-ept-nopg.thp")).Split('\n').ToList();
        var middle = lines.FindIndex(lines.Count / 2, line => line.Contains(": kvm_exit:", StringComparison.Ordinal));
        lines.Insert(middle, "CPU:0 [LOST 5 EVENTS]");
        File.WriteAllText(_folder["gap.txt"], string.Join('\n', lines));
        await Run("import", "ftrace", _folder["gap.txt"], "-o", _folder["gap.capture"], "--db", _folder["gap.db"], "--host", "intel-bochs");
        var gap = (await Query("gap.db", "select min(ordinal) from model_note where kind = 'lost_events'"))[0][0];
        // The tables that follow are others: no row behind the gap belongs to one from before it.
        Assert.Equal([["0"]], await Query("gap.db", $"select count(*) from table_write as w join run using (run) where name = 'observed-filled' and w.ordinal > {gap} and table_id in (select table_id from table_write as b where b.run = w.run and b.ordinal < {gap})"));
        Assert.NotEqual([["0"]], await Query("gap.db", "select count(*) from table_write join run using (run) where shown = 'earlier'"));
    }

    [Fact]
    public async Task The_capture_of_a_trace_answers_what_another_mode_would_have_done()
    {
        File.WriteAllText(_folder["stock.txt"], RealTrace.Stock(RealTrace.Text("amd-npt-tdp-ptemod.thp")));
        await Run("import", "ftrace", _folder["stock.txt"], "-o", _folder["s.capture"], "--host", "amd-tcg");
        await Run("run", _folder["s.capture"], "-m", "npt-tdp", "-m", "npt", "-o", _folder["w.db"], "-q");
        Assert.Equal([["npt-tdp", "thp-recorded"], ["npt", "thp"]], await Query("w.db", "select mode, backing from run order by run"));
        await Run("run", _folder["s.capture"], "-m", "npt-tdp", "--host-pages", "4k", "-o", _folder["w.db"], "--append", "-q");
        var leaves = await Query("w.db", "select (select count(*) from table_write as w where w.run = run.run and new_kind = 'huge'), (select count(*) from table_write as w where w.run = run.run and new_kind = 'page') from run order by run");
        Assert.NotEqual("0", leaves[0][0]);
        Assert.Equal("0", leaves[2][0]);
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("verify", _folder["w.db"], "-q")).ExitCode);
    }

    [Fact]
    public async Task Shadow_paging_makes_no_capture()
    {
        File.WriteAllText(_folder["s.txt"], RealTrace.Stock(RealTrace.Text("amd-shadow-mmio.4k")));
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["s.txt"], "-o", _folder["s.capture"]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("guest's own page tables", error, StringComparison.Ordinal);
    }

    private async Task<List<string>> Writes(string database, string run) =>
        [.. (await Query(database, $"select level, gfn, case new_kind when 'table' then 'table' when 'none' then 'none' when 'unknown' then 'mmio' when 'mmio' then 'mmio' else new_hex end from table_write join run using (run) where name = '{run}' and actor = 'kvm' order by ordinal, seq"))
            .Select(row => string.Join(' ', row))];

    /// <summary>Length of the longest common subsequence.</summary>
    private static int Longest(List<string> left, List<string> right)
    {
        var row = new int[right.Count + 1];
        foreach (var item in left)
        {
            var diagonal = 0;
            for (var i = 1; i <= right.Count; i++)
            {
                var above = row[i];
                row[i] = item == right[i - 1] ? diagonal + 1 : Math.Max(row[i], row[i - 1]);
                diagonal = above;
            }
        }

        return row[^1];
    }

    /// <summary>Numbers that cannot be: a frame beyond what CPUs address, and one that a huge page cannot begin with. They are not the model's to believe.</summary>
    [Theory]
    [InlineData("80000000000000a0", 2)]
    [InlineData("1794b", 2)]
    [InlineData("1794b", 3)]
    public async Task A_frame_that_cannot_back_the_page_is_no_broken_invariant(string pfn, int level)
    {
        File.WriteAllText(_folder["i.txt"], $"""
             vcpu0-12 [000] d..1. 1.000001: kvm_exit: vcpu 0 reason npf rip 0x10000c info1 0x0000000100000014 info2 0x000000000010000c intr_info 0x00000000 error_code 0x00000000
             vcpu0-12 [000] ..... 1.000002: kvm_page_fault: vcpu 0 rip 0x10000c address 0x000000000010000c error_code 0x100000014
             vcpu0-12 [000] ..... 1.000003: kvm_mmu_spte_requested: gfn 100 pfn {pfn} level {level}
             vcpu0-12 [000] ...1. 1.000004: kvm_mmu_set_spte: gfn 100 spte 1794be67 (rwxu) level {level} at 170a0818
             vcpu0-12 [000] d..1. 1.000005: kvm_entry: vcpu 0, rip 0x10000c

            """);
        foreach (var mode in (string[])["npt", "npt-tdp"])
            await Run("import", "ftrace", _folder["i.txt"], "-o", _folder["i.capture"], "--db", _folder["i.db"], "--host", "amd-tcg", "--mmu", mode, "--force");
    }

    private static async Task<string> Run(params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }

    private async Task<List<string[]>> Query(string database, string sql, params string[] parameters)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["query", _folder[database], sql, .. parameters, "--format", "jsonl"]);
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
