using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Replay.Analyzer.Store;
using Replay.Cli.Importing;
using Replay.Recorder.Ftrace;
using Replay.Replayer;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>The trace of a real KVM becomes a run like any other.</summary>
public sealed class ImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Real traces with every tracepoint and the probes of docs/real-host.md, and the mode of their host.</summary>
    public static TheoryData<string, string> RealTraces => new()
    {
        { "amd-npt-lm2m.thp", "npt" },
        { "amd-npt-tdp-ptemod.thp", "npt-tdp" },
        { "intel-ept-tdp-mmio.4k", "ept-tdp" },
        { "intel-ept-nopg.thp", "ept" },
        { "amd-shadow-mmio.4k", "shadow" },
        { "intel-shadow-nopg.thp", "shadow" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(RealTraces))]
    public async Task Writes_are_told_by_level_and_function(string trace, string mode)
    {
        Assert.NotNull(mode);
        await Import(Traces.PathOf($"{trace}.trace.gz"));
        var (exitCode, csv, _) = await CommandRunner.Run("query", _folder["t.db"], "@writes-by-level", "--format", "csv");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Equal(File.ReadAllText(Traces.PathOf($"{trace}.writes.csv")).ReplaceLineEndings("\n"), csv.ReplaceLineEndings("\n"));
    }

    [Theory]
    [MemberData(nameof(RealTraces))]
    public async Task Each_write_that_a_tracepoint_shows_says_the_tracepoint_s_very_words(string trace, string mode)
    {
        Assert.NotNull(mode);
        await Import(Traces.PathOf($"{trace}.trace.gz"));
        var expected = Traces.Text($"{trace}.trace.gz").Split('\n')
            .Select(line => line.Length == 0 ? "" : line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..])
            .Where(line => line.StartsWith("kvm_tdp_mmu_spte_changed: ", StringComparison.Ordinal) || line.StartsWith("kvm_mmu_set_spte: ", StringComparison.Ordinal));
        var rows = await Query(
            "select tracepoint_line from table_write where tracepoint like '%kvm_tdp_mmu_spte_changed%' or tracepoint = 'kvm_mmu_set_spte' order by ordinal, seq");
        var told = rows.SelectMany(row => row[0].Split('\n')).Where(line => !line.StartsWith("mark_mmio_spte", StringComparison.Ordinal));
        Assert.Equal(expected, told);
    }

    [Theory]
    [MemberData(nameof(RealTraces))]
    public async Task When_the_machine_is_gone_no_entry_is_left(string trace, string mode)
    {
        Assert.NotNull(mode);
        await Import(Traces.PathOf($"{trace}.trace.gz"));
        var left = await Query(
            "select table_id, idx, new_hex from table_write as w where new_kind in ('page', 'huge', 'table') and not exists "
            + "(select 1 from table_write as later where later.run = w.run and later.table_id = w.table_id and later.idx = w.idx and later.seq > w.seq)");
        Assert.Empty(left);
        // Each value is what the write before left, but for the bits that the CPU sets.
        var broken = await Query(
            "select w.ordinal, w.old_hex, w.before from (select ordinal, entry_format, old_hex, old, lag(new, 1, 0) over (partition by table_id, idx order by ordinal, seq) as before "
            + "from table_write join run using (run)) as w where (w.old & ~iif(w.entry_format = 'ept', 0x300, 0x60)) <> (w.before & ~iif(w.entry_format = 'ept', 0x300, 0x60))");
        Assert.Empty(broken);
    }

    [Theory]
    [MemberData(nameof(RealTraces))]
    public async Task The_host_is_told_from_the_trace(string trace, string mode)
    {
        var error = await Import(Traces.PathOf($"{trace}.trace.gz"));
        Assert.Contains("host: ", error, StringComparison.Ordinal);
        var run = Assert.Single(await Query("select mode, json_extract(options, '$.mmu'), capture_source, complete, capture_complete from run"));
        Assert.Equal(["observed", mode, "ftrace", "1", "1"], run);
    }

    [Theory]
    [MemberData(nameof(RealTraces))]
    public async Task Tracepoints_alone_show_what_they_show_and_say_what_they_do_not(string trace, string mode)
    {
        var tracepoints = Traces.Text($"{trace}.trace.gz").Split('\n').Where(line => !line.Contains(": (", StringComparison.Ordinal));
        File.WriteAllText(_folder["t.txt"], string.Join('\n', tracepoints) + "\n");
        await Import(_folder["t.txt"]);
        var lines = Traces.Text($"{trace}.trace.gz").Split('\n');
        var isTdp = mode.EndsWith("-tdp", StringComparison.Ordinal);
        var shown = lines.Count(line => line.Contains(isTdp ? ": kvm_tdp_mmu_spte_changed: " : ": kvm_mmu_set_spte: ", StringComparison.Ordinal));
        var marked = isTdp ? 0 : lines.Count(line => line.Contains(": mark_mmio_spte: ", StringComparison.Ordinal));
        Assert.Equal([[$"{shown + marked}", isTdp ? "0" : $"{shown + marked}"]], await Query("select count(*), count(*) filter (where old is null) from table_write"));
        Assert.Equal([[isTdp ? "yes" : "no"]], await Query("select shown from capability where fact = 'table_write.old'"));
        Assert.Empty(await Query("select 1 from tlb_flush"));
        Assert.Equal([["no"]], await Query("select shown from capability where fact = 'tlb_flushes'"));
        // A page's address is learned from its entries.
        Assert.NotEqual([["0"]], await Query("select count(*) from table_page where hpa is not null"));
    }

    [Fact]
    public async Task Quietly_nothing_is_told_but_what_is_wrong_or_assumed()
    {
        File.WriteAllText(_folder["s.txt"], RealTrace.Stock(RealTrace.Text("amd-npt-tdp-ptemod.thp")));
        var (exitCode, text, error) = await CommandRunner.Run("import", "ftrace", _folder["s.txt"], "-o", _folder["s.capture"], "--db", _folder["s.db"], "--host", "amd-tcg", "-q");
        Assert.Equal((ExitCode.Done, "", ""), (exitCode, text, error));
        var told = await Import(_folder["s.txt"]);
        // One ground is told once, whatever rests on it.
        Assert.Contains("host: AMD, NPT, TDP MMU (NPT and AMD: exits with reason npf); Linux", told, StringComparison.Ordinal);

        File.WriteAllText(_folder["w.txt"], " q-71 [000] ..... 1.0: kvm_exit: vcpu 0 reason npf rip 0x1 info1 0x6 info2 0x0 intr_info 0x0 error_code 0x0\nkvm_exit: reason !!\nCPU:0 [LOST 3 EVENTS]\n");
        (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["w.txt"], "--db", _folder["w.db"], "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("no table write shows by which MMU (--mmu says it)", error, StringComparison.Ordinal);
        Assert.Contains("lost events in 1 places", error, StringComparison.Ordinal);
        Assert.Contains("kept as text", error, StringComparison.Ordinal);
        Assert.DoesNotContain("not shown by this trace", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_capture_made_of_a_trace_says_that_it_has_faulting_accesses_alone()
    {
        File.WriteAllText(_folder["s.txt"], RealTrace.Stock(RealTrace.Text("amd-npt-tdp-ptemod.thp")));
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["s.txt"], "-o", _folder["s.capture"], "--db", _folder["s.db"], "--host", "amd-tcg");
        Assert.True(exitCode == ExitCode.Done, error);
        var faults = System.Text.RegularExpressions.Regex.Match(error, "([0-9,]+) guest-physical accesses").Groups[1].Value;
        var (_, info, _) = await CommandRunner.Run("info", _folder["s.capture"]);
        Assert.Contains("recorded        accesses that faulted on the traced host\n", info.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Contains($"accesses        {faults}, each an event; how many did not fault is not known\n", info.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.DoesNotContain("every access", info, StringComparison.Ordinal);
        Assert.Matches("memory +[0-9.]+ .iB, inferred", info);
        var (_, runs, _) = await CommandRunner.Run("info", _folder["s.db"]);
        Assert.Contains("among them every access that faulted on the traced host", runs, StringComparison.Ordinal);
        Assert.DoesNotContain(" 0 accesses", runs, StringComparison.Ordinal);
        var (_, table, _) = await CommandRunner.Run("run", _folder["s.capture"], "-m", "npt", "-o", _folder["r.db"], "-q");
        Assert.DoesNotContain("| accesses", table, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_exit_qualification_becomes_an_error_code_on_Intel_and_only_there()
    {
        await Import(Traces.PathOf("intel-ept-nopg.thp.trace.gz"));
        var intel = await Query("select distinct info1_hex, error_code_hex, f.access from vm_exit join fault as f using (run, exit_id) where reason = 'EPT_VIOLATION' order by 1");
        Assert.Equal([["0x782", "0x100000002", "write"], ["0x784", "0x100000010", "fetch"]], intel);
        await Import(Traces.PathOf("amd-npt-lm2m.thp.trace.gz"));
        Assert.All(await Query("select info1_hex, error_code_hex, info2_hex, address_hex from vm_exit join fault using (run, exit_id) where reason = 'NPF'"), row => Assert.Equal((row[0], row[2]), (row[1], row[3])));
    }

    [Fact]
    public async Task The_guest_s_walk_through_KVM_s_tables_can_be_asked_for_at_any_event()
    {
        await Import(Traces.PathOf("amd-npt-tdp-ptemod.thp.trace.gz"));
        var (_, csv, _) = await CommandRunner.Run("query", _folder["t.db"], "@mapping-at", "-p", "address=0x100000", "-p", "ordinal=150", "--format", "csv");
        var walk = csv.ReplaceLineEndings("\n").TrimEnd().Split('\n').Skip(1).Select(row => row.Split(',')[0]);
        Assert.Equal(["4", "3", "2"], walk);
    }

    [Fact]
    public async Task A_tree_whose_root_register_no_probe_shows_does_not_tell_its_bits()
    {
        await Import(Traces.PathOf("intel-ept-nopg.thp.trace.gz"));
        var (exitCode, text, error) = await CommandRunner.Run("tree", _folder["t.db"], "--at", "150");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.StartsWith("EPTP (not shown): T1, PML4 at 0x", text, StringComparison.Ordinal);
        Assert.DoesNotContain("levels", text.Split('\n')[0], StringComparison.Ordinal);
        Assert.Contains("\"register\": null", (await CommandRunner.Run("tree", _folder["t.db"], "--at", "150", "--json")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_of_no_known_kind_are_kept_with_their_fields()
    {
        await Import(Traces.PathOf("trace-cmd-report.txt"));
        var row = Assert.Single(await Query("select task, cpu, pid, time, line, json_extract(fields, '$.prev_pid'), json_extract(fields, '$.text') from observed_event where name = 'sched_switch'"));
        Assert.Equal(["kworker/u8:1", "0", "77", "1234567950000", "10", "77", "prev_comm=kworker prev_pid=77 next_pid=0"], row);
    }

    [Fact]
    public async Task Lost_events_are_told_in_notes_in_the_run_s_row_and_by_info()
    {
        var error = await Import(Traces.PathOf("trace-cmd-report.txt"));
        Assert.Contains("lost events in 1 places, 17", error, StringComparison.Ordinal);
        Assert.Equal([["lost_events", "17"]], await Query("select kind, recorded from model_note"));
        Assert.Equal([["0"]], await Query("select capture_complete from run"));
        var (_, info, _) = await CommandRunner.Run("info", _folder["t.db"]);
        Assert.Contains("LOST 17 or more events in 1 places", info, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Damaged_lines_are_printed_up_to_a_limit_and_counted()
    {
        File.WriteAllText(_folder["d.txt"], string.Concat(Enumerable.Repeat("damaged\n", 7)) + File.ReadAllText(Traces.PathOf("linux-6.8.txt")));
        var error = await Import(_folder["d.txt"], "--max-messages", "2");
        Assert.Contains("line 2: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("line 3: ", error, StringComparison.Ordinal);
        Assert.Contains("and 5 more lines", error, StringComparison.Ordinal);
        Assert.Equal([["7"]], await Query("select value from counter where name = 'note_damaged_line'"));
    }

    [Fact]
    public async Task A_host_that_the_trace_does_not_tell_must_be_said()
    {
        File.WriteAllText(_folder["m.txt"], " vmm-1 [000] ..... 1.0: kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8fc800\n");
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["m.txt"], "--db", _folder["t.db"]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("--mmu", error, StringComparison.Ordinal);
        await Import(_folder["m.txt"], "--mmu", "npt");
        Assert.Equal([["page", "0x65aee67"]], await Query("select new_kind, new_hex from table_write"));
    }

    [Fact]
    public async Task What_the_user_says_may_not_contradict_the_trace()
    {
        var trace = Traces.PathOf("amd-npt-lm2m.thp.trace.gz");
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", trace, "--mmu", "ept", "--db", _folder["t.db"]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("npf", error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, (await CommandRunner.Run("import", "ftrace", trace, "--host", "intel", "--db", _folder["t.db"])).ExitCode);
    }

    [Theory]
    [InlineData("missing.txt", ExitCode.InputMissing)]
    [InlineData("empty.txt", ExitCode.BadInput)]
    public async Task No_trace_is_no_run(string name, int expected)
    {
        File.WriteAllText(_folder["empty.txt"], "# tracer: nop\n");
        Assert.Equal(expected, (await CommandRunner.Run("import", "ftrace", _folder[name], "--db", _folder["t.db"])).ExitCode);
        Assert.False(File.Exists(_folder["t.db"]));
    }

    /// <summary>What one output is refused for is told before the other is made, and a refusal takes back what was begun.</summary>
    [Theory]
    [InlineData("shadow paging", "-o", "c.capture")]
    [InlineData("the capture is there", "-o", "taken.capture")]
    [InlineData("the database is there", "-o", "c.capture", "--db", "taken.db")]
    [InlineData("the database that runs are to be added to is not there", "-o", "c.capture", "--append")]
    [InlineData("it is no database", "-o", "c.capture", "--db", "foreign.db", "--append")]
    [InlineData("the name is taken", "-o", "c.capture", "--db", "taken.db", "--append", "--name", "observed")]
    public async Task An_import_that_is_refused_leaves_nothing_and_changes_nothing(string why, params string[] options)
    {
        var trace = why == "shadow paging" ? "amd-shadow-mmio.4k.trace.gz" : "amd-npt-lm2m.thp.trace.gz";
        Directory.CreateDirectory(_folder["taken.capture"]);
        File.WriteAllText(_folder["taken.capture/notes"], "mine");
        File.WriteAllText(_folder["foreign.db"], "mine");
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("import", "ftrace", Traces.PathOf("linux-6.8.txt"), "--db", _folder["taken.db"])).ExitCode);
        var before = Everything();
        string[] args = [.. options.Select(option => option.Contains('.', StringComparison.Ordinal) ? _folder[option] : option)];
        if (!options.Contains("--db"))
            args = [.. args, "--db", _folder["t.db"]];
        var (exitCode, _, error) = await CommandRunner.Run(["import", "ftrace", Traces.PathOf(trace), .. args]);
        Assert.True(exitCode is ExitCode.Usage or ExitCode.BadInput or ExitCode.InputMissing or ExitCode.CannotCreate or ExitCode.InputOutput, $"{exitCode}: {error}");
        Assert.Equal(before, Everything());
    }

    /// <summary>Of a pipe the VMs behind what is looked at before are seen when rows of the first have been written.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_second_VM_late_in_a_pipe_leaves_no_database_and_the_old_one_as_it_was(bool replaces, bool appends)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the pipe is made by a shell");
        var late = "for m in 1 2; do i=0; while [ $i -lt 95000 ]; do printf ' CPU 0/KVM-%d  [001] d..1. %d.0: kvm_page_fault: vcpu 0 rip 0x10 address 0x0000000000201000 error_code 0x0000000000000782\n CPU 0/KVM-%d  [001] d..1. %d.5: kvm_entry: vcpu 0, rip 0x10\n' $m $i $m $i; i=$((i+1)); done; done";
        if (replaces || appends)
            Assert.Equal(ExitCode.Done, (await CommandRunner.Run("import", "ftrace", Traces.PathOf("linux-6.8.txt"), "--db", _folder["t.db"])).ExitCode);
        var before = Everything();
        var runs = appends ? await Query("select run, name, complete from run") : [];
        var option = replaces ? "--force" : appends ? "--append" : "";
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-c", $"{{ {late}; }} | dotnet '{typeof(ExitCode).Assembly.Location}' import ftrace - --mmu ept --host intel --db '{_folder["t.db"]}' -q {option}"]) { RedirectStandardError = true, UseShellExecute = false })!;
        var error = await shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(shell.ExitCode == ExitCode.BadInput, error);
        Assert.Contains("2 VMs", error, StringComparison.Ordinal);
        if (appends)
            Assert.Equal(runs, await Query("select run, name, complete from run"));
        else
            Assert.Equal(before, Everything());
    }

    [Fact]
    public async Task An_observed_run_stands_beside_modelled_ones()
    {
        await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "--max-accesses", "2000", "-o", _folder["s.capture"], "-q");
        await CommandRunner.Run("run", _folder["s.capture"], "-m", "ept", "-o", _folder["t.db"], "-q");
        await Import(Traces.PathOf("intel-ept-nopg.thp.trace.gz"), "--append", "--name", "host");
        Assert.Equal([["ept", "ept"], ["host", "observed"]], await Query("select name, mode from run order by run"));
        Assert.Equal([["0"]], await Query("select count(*) from observed_event where run = 1"));
    }

    [Fact]
    public async Task An_observed_run_verifies_against_its_trace_and_not_against_another()
    {
        File.Copy(Traces.PathOf("amd-shadow-mmio.4k.trace.gz"), _folder["v.gz"]);
        await Import(_folder["v.gz"]);
        var (exitCode, text, _) = await CommandRunner.Run("verify", _folder["t.db"], "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("same history", text, StringComparison.Ordinal);
        File.Copy(Traces.PathOf("intel-shadow-nopg.thp.trace.gz"), _folder["v.gz"], overwrite: true);
        Assert.Equal(ExitCode.BadInput, (await CommandRunner.Run("verify", _folder["t.db"], "-q")).ExitCode);
    }

    [Fact]
    public async Task The_report_is_there_for_scripts()
    {
        var (exitCode, text, _) = await CommandRunner.Run("import", "ftrace", Traces.PathOf("perf-script.txt"), "--db", _folder["t.db"], "--json");
        Assert.Equal(ExitCode.Done, exitCode);
        using var json = JsonDocument.Parse(text);
        Assert.Equal((6, 42), (json.RootElement.GetProperty("events").GetInt64(), json.RootElement.GetProperty("lostEvents").GetInt64()));
        Assert.Equal("npt-tdp", json.RootElement.GetProperty("host").GetProperty("mmu").GetString());
    }

    [Fact]
    public void An_interrupted_import_leaves_the_run_marked_incomplete()
    {
        var line = " vmm-1 [000] ..... 1.0: kvm_page_fault: vcpu 0 rip 0x10 address 0x0000000000201000 error_code 0x782\n";
        File.WriteAllText(_folder["i.txt"], string.Concat(Enumerable.Repeat(line, 10_000)));
        using (var input = FtraceInput.Open(_folder["i.txt"]))
        using (var file = HistoryFile.Create(_folder["t.db"]))
        {
            var findings = input.Survey(TestContext.Current.CancellationToken);
            var plan = new ImportPlan { Host = HostChoice.Choose(findings, null, null, null), Outlook = ImportPlan.OutlookOf(findings) };
            var run = new RunInfo
            {
                Capture = "i",
                CaptureHash = "",
                CaptureSource = "ftrace",
                Mode = MmuMode.Observed,
                Profile = "intel",
                Backing = "unknown",
                Kernel = "",
                Tool = "",
                Model = "",
                Entries = plan.Host.Entries,
            };
            using var store = file.BeginRun(run);
            var (trace, _) = TraceImport.Run(input, plan, [store], new ProblemPrinter(TextWriter.Null, "", 0), (_, _) => { }, new CancellationToken(canceled: true));
            Assert.True(trace.Interrupted);
        }

        using var database = Database.OpenRead(_folder["t.db"]);
        Assert.False(Assert.Single(database.Runs).Complete);
    }

    /// <summary>Every file of the folder with what is in it.</summary>
    private List<string> Everything() =>
        [.. Directory.EnumerateFileSystemEntries(_folder["."], "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(path => $"{path} {(File.Exists(path) ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))) : "")}")];

    private async Task<string> Import(string trace, params string[] options)
    {
        string[] args = ["import", "ftrace", trace, "--db", _folder["t.db"], .. options];
        if (!options.Contains("--append"))
            args = [.. args, "--force"];
        var (exitCode, _, error) = await CommandRunner.Run(args);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }

    private async Task<List<string[]>> Query(string sql)
    {
        var (exitCode, text, error) = await CommandRunner.Run("query", _folder["t.db"], sql, "--format", "jsonl");
        Assert.True(exitCode == ExitCode.Done, error);
        var rows = new List<string[]>();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var json = JsonDocument.Parse(line);
            rows.Add([.. json.RootElement.EnumerateObject().Select(column => column.Value.ToString())]);
        }

        return rows;
    }

    private static class Traces
    {
        private static readonly string Folder = Find();

        public static string PathOf(string name) => Path.Combine(Folder, name);

        public static string Text(string name)
        {
            using var file = File.OpenRead(PathOf(name));
            using var unzipped = new GZipStream(file, CompressionMode.Decompress);
            using var reader = new StreamReader(unzipped, Encoding.Latin1);
            return reader.ReadToEnd();
        }

        private static string Find()
        {
            for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            {
                var found = Path.Combine(folder, "tests", "data", "ftrace");
                if (Directory.Exists(found))
                    return found;
            }

            throw new InvalidOperationException("tests/data/ftrace was not found above the tests.");
        }
    }
}
