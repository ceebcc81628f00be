using System.Globalization;
using System.Text.Json;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>What people ask of a host, asked of a trace with stock tracepoints alone, of its companion, and of a modelled run.</summary>
public sealed class QuestionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Who_took_a_frame_away_has_thread_time_line_and_chain()
    {
        await Import("amd-6.12-npt-tdp-lm4k.reslotq", "amd-tcg");
        var observed = await Ask("who-zapped", "run=observed", "gfn=0x200");
        Assert.NotEmpty(observed);
        Assert.All(observed, row => Assert.Equal("vmm", row["task"].GetString()));
        Assert.All(observed, row => Assert.True(row["time"].GetInt64() > 0));
        Assert.Contains(observed, row => row["change"].GetString() == "page rwxuad -> none" && row["after_line"].GetString()!.StartsWith("kvm_userspace_exit", StringComparison.Ordinal));
        // The companion stands before others, and knows the chain.
        var filled = await Ask("who-zapped", "gfn=0x200");
        Assert.Contains(filled, row => row["chain"].GetString()!.Contains("kvm_mmu_zap_memslot", StringComparison.Ordinal) && row["task"].GetString() == "vmm");
    }

    [Fact]
    public async Task A_notifier_that_took_a_page_is_named_with_its_range()
    {
        File.WriteAllText(_folder["t.txt"], """
             CPU 0/KVM-10 [000] d..1. 1.000001: kvm_exit: vcpu 0 reason npf rip 0x40 info1 0x0000000100000006 info2 0x0000000000200000 intr_info 0x00000000 error_code 0x00000000
             CPU 0/KVM-10 [000] ..... 1.000002: kvm_page_fault: vcpu 0 rip 0x40 address 0x0000000000200000 error_code 0x100000006
             CPU 0/KVM-10 [000] ...1. 1.000004: kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 1 old_spte 0 new_spte 600000012345e67
             CPU 0/KVM-10 [000] d..1. 1.000009: kvm_entry: vcpu 0, rip 0x40
             kswapd0-77 [001] ..... 1.000020: kvm_unmap_hva_range: mmu notifier unmap range: 0x007f0000200000 -- 0x007f0000201000
             kswapd0-77 [001] ...1. 1.000021: kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 1 old_spte 600000012345e67 new_spte 0
             CPU 0/KVM-10 [000] d..1. 1.000030: kvm_exit: vcpu 0 reason npf rip 0x44 info1 0x0000000100000006 info2 0x0000000000200000 intr_info 0x00000000 error_code 0x00000000
             CPU 0/KVM-10 [000] ..... 1.000031: kvm_page_fault: vcpu 0 rip 0x44 address 0x0000000000200000 error_code 0x100000006
             CPU 0/KVM-10 [000] ...1. 1.000043: kvm_tdp_mmu_spte_changed: as id 0 gfn 200 level 1 old_spte 0 new_spte 600000012346e67
             CPU 0/KVM-10 [000] d..1. 1.000051: kvm_entry: vcpu 0, rip 0x44

            """);
        await Run("import", "ftrace", _folder["t.txt"], "--db", _folder["x.db"]);
        var gone = Assert.Single(await Ask("who-zapped", "gfn=0x200"));
        Assert.Equal("kswapd0", gone["task"].GetString());
        Assert.Equal(77, gone["pid"].GetInt64());
        Assert.Equal("kvm_unmap_hva_range mmu notifier unmap range: 0x007f0000200000 -- 0x007f0000201000", gone["after_line"].GetString());
        var again = await Ask("refaults");
        Assert.Equal(["first mapping", "was taken away"], again.Select(row => row["why"].GetString()).Order());
        var latency = await Ask("fault-latency");
        Assert.Equal(["mapped", "mapped again"], latency.Select(row => row["cause"].GetString()).Order());
        var second = latency.Single(row => row["cause"].GetString() == "mapped again");
        Assert.Equal((12_000, 20_000), (second["mean_to_mapping"].GetInt64(), second["mean_to_entry"].GetInt64()));
    }

    [Fact]
    public async Task What_dirty_logging_cost_shows_in_a_trace_its_companion_and_a_modelled_run()
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        var observed = await Ask("dirty-log-cost", "run=observed");
        Assert.Equal(["rights given back by faults"], observed.Select(row => row["what"].GetString()).Distinct());
        var filled = await Ask("dirty-log-cost");
        Assert.Superset(new HashSet<string?> { "rights given back by faults", "writes taken", "flushes" }, filled.Select(row => row["what"].GetString()).ToHashSet());
        Assert.Equal(observed.Sum(row => row["count"].GetInt64()), filled.Where(row => row["what"].GetString() == "rights given back by faults").Sum(row => row["count"].GetInt64()));
        Assert.Contains(await Ask("fault-latency"), row => row["cause"].GetString() == "write to an entry that was read-only" && row["mean_to_entry"].GetInt64() > 0);

        await Run("run", _folder["x.capture"], "-m", "npt-tdp", "-o", _folder["x.db"], "--append", "-q");
        Assert.Contains(await Ask("dirty-log-cost", "run=npt-tdp"), row => row["what"].GetString() == "writes taken");
        Assert.All(await Ask("fault-latency", "run=npt-tdp"), row => Assert.Equal(JsonValueKind.Null, row["mean_to_entry"].ValueKind));
    }

    [Fact]
    public async Task Faults_are_told_apart_by_process_and_function()
    {
        await Run("record", "synthetic", "--workload", "context-switch-storm", "-o", _folder["c.capture"], "-q");
        await Run("run", _folder["c.capture"], "-m", "ept", "-m", "shadow", "-o", _folder["x.db"], "-q");
        var faults = await Ask("faults-by-process", "run=ept", "top=1000");
        var spaces = faults.Select(row => row["cr3_hex"].GetString()).Distinct().ToList();
        Assert.True(spaces.Count > 2, string.Join(' ', spaces));
        Assert.Equal((await Ask("faults-by-process", "run=shadow", "top=1000")).Select(row => row["cr3_hex"].GetString()).Distinct().Order(), spaces.Order());
        var one = faults.First(row => row["function"].GetString() != "0x0" && row["cr3_hex"].ValueKind == JsonValueKind.String);
        var (space, rip) = (one["cr3_hex"].GetString()!, one["function"].GetString()![2..]);

        // The same address is one function in that address space, and another in all others.
        File.WriteAllText(_folder["app.map"], $"{rip.PadLeft(16, '0')} t of_the_process\n");
        File.WriteAllText(_folder["all.map"], $"{rip.PadLeft(16, '0')} t of_all\n");
        string[] symbols = ["--symbols", _folder["all.map"], "--symbols", $"{_folder["app.map"]}@CR3={space}"];
        var named = await Query(symbols, "@faults-by-process", "-p", "run=ept", "-p", "top=1000");
        Assert.Equal(["of_the_process"], named.Where(row => row["cr3_hex"].GetString() == space && row["function"].GetString()!.StartsWith("of_", StringComparison.Ordinal)).Select(row => row["function"].GetString()).Distinct());
        Assert.DoesNotContain(named, row => row["cr3_hex"].GetString() != space && row["function"].GetString() == "of_the_process");
        var lines = await Query(symbols, $"select rip_hex, symbol(rip) as f from fault where run = 1 and rip = {Convert.ToInt64(rip, 16)} limit 1");
        Assert.Equal(($"0x{rip} <of_all>", "of_all"), (lines[0]["rip_hex"].GetString(), lines[0]["f"].GetString()));
        Assert.Equal(JsonValueKind.Null, (await Query([], "select symbol(1) as f"))[0]["f"].ValueKind);

        // The events of a capture and of its run say the same of each access.
        var ofCapture = await NamedAccesses("c.capture", rip, symbols);
        Assert.Equal(["of_all", "of_the_process"], ofCapture.Values.Distinct().Order());
        var ofRun = await NamedAccesses("x.db", rip, symbols);
        Assert.NotEmpty(ofRun);
        Assert.Equal(ofRun, ofCapture.Where(access => ofRun.ContainsKey(access.Key)).ToDictionary());
        var first = ofCapture.First(access => access.Value == "of_the_process").Key;
        Assert.Equal("of_the_process", (await NamedAccesses("c.capture", rip, [$"{first}..{first}", .. symbols]))[first]);
    }

    /// <summary>Whatever the run is, a canned query answers it, or says why not.</summary>
    [Fact]
    public async Task A_question_without_an_answer_has_a_reason()
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        await Run("run", _folder["x.capture"], "-m", "npt-tdp", "-o", _folder["x.db"], "--append", "-q");
        File.WriteAllText(_folder["little.txt"], " q-71 [000] ..... 1.0: kvm_entry: vcpu 0, rip 0x1\n q-71 [000] ..... 2.0: kvm_exit: vcpu 0 reason npf rip 0x1 info1 0x6 info2 0x0 intr_info 0x0 error_code 0x0\n");
        await Run("import", "ftrace", _folder["little.txt"], "--name", "little", "--db", _folder["x.db"], "--append", "--mmu", "npt");

        var given = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["gfn"] = "0x200",
            ["address"] = "0x200000",
            ["gva"] = "0x200000",
            ["from"] = "0x200000",
            ["ordinal"] = "300",
            ["table_id"] = "5",
            ["idx"] = "0",
        };
        var answered = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        using var database = Database.OpenRead(_folder["x.db"]);
        var runner = new QueryRunner(database);
        foreach (var run in (string[])["observed", "observed-filled", "npt-tdp", "little"])
        {
            foreach (var query in CannedQueries.All)
            {
                var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
                foreach (var parameter in query.Parameters.Where(parameter => parameter.Type == CannedParameterType.Run || parameter.Default is null || parameter.Name == "ordinal"))
                    arguments[parameter.Name] = parameter.Type == CannedParameterType.Run ? run : given[parameter.Name];
                using var rows = runner.Execute(query, arguments, cancellation: TestContext.Current.CancellationToken);
                if (rows.NextResult() && rows.Read())
                {
                    if (!answered.TryGetValue(run, out var names))
                        answered[run] = names = [];
                    names.Add(query.Name);
                    continue;
                }

                var why = EmptyAnswer.Explain(query, arguments, runner, database);
                Assert.False(why.EndsWith("nothing matches.", StringComparison.Ordinal), $"@{query.Name} of {run}: {why}");
                Assert.True(query.Name == "diff-summary" || why.StartsWith($"run {run}: ", StringComparison.Ordinal), why);
            }
        }

        // Tracepoints alone answer who, why and what is hot.
        string[] asked = ["dirty-log-cost", "fault-latency", "faults-by-function", "faults-by-process", "faults-by-rip", "hot-entries", "hot-gfns", "hot-tables", "mapping-at", "refaults", "why-entry", "why-gfn", "writes-by-level", "writes-to-range"];
        Assert.Superset(asked.ToHashSet(), answered["observed"].ToHashSet());
        Assert.Superset(asked.Append("who-zapped").ToHashSet(), answered["observed-filled"].ToHashSet());
        Assert.Superset(asked.Append("who-zapped").ToHashSet(), answered["npt-tdp"].ToHashSet());
        string Why(string query, string run, string parameter = "gfn=0x200") => EmptyAnswer.Explain(
            CannedQueries.Find(query), new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = run, [parameter.Split('=')[0]] = parameter.Split('=')[1] }, runner, database);
        Assert.Equal("run observed: its trace does not show table_write.clears (probes on mmu_spte_clear_track_bits, mmu_page_zap_pte, pte_list_remove). Its companion has that: -p run=observed-filled.", Why("who-zapped", "observed"));
        Assert.Equal("run observed: trace and model agree: each makes every write that the other has.", Why("divergences", "observed", "from=0"));
        Assert.StartsWith("run npt-tdp: it is a run of the model that was held against no trace", Why("divergences", "npt-tdp", "from=0"), StringComparison.Ordinal);
        Assert.StartsWith("run little: no replay was held against this trace", Why("divergences", "little", "from=0"), StringComparison.Ordinal);
        Assert.StartsWith("run little: its trace does not show faults (kvm_page_fault", EmptyAnswer.Explain(CannedQueries.Find("faults-by-rip"), new Dictionary<string, string>(StringComparer.Ordinal) { ["run"] = "little" }, runner, database), StringComparison.Ordinal);

        // On standard error, whatever the format.
        var (_, text, error) = await CommandRunner.Run("query", _folder["x.db"], "@divergences", "--json");
        Assert.Equal("[]", text.ReplaceLineEndings("").Trim());
        Assert.Equal("replay query: 0 rows: run observed-filled: trace and model agree: each makes every write that the other has. -p run= asks another: observed, npt-tdp, little.", error.Trim());
    }

    [Fact]
    public async Task All_questions_are_asked_of_the_same_run_where_none_is_said()
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        Assert.All(CannedQueries.All, query => Assert.All(query.Parameters.Where(parameter => parameter.Name == "run"), parameter => Assert.Contains(parameter.Default, (string[])["first", "every"])));
        // A trace's companion stands for it: it has what tracepoints hide. The trace's clock tells of its faults all the same.
        var writes = await Ask("why-gfn", "gfn=0x200");
        Assert.Contains(writes, row => row["function"].GetString() == "__link_shadow_page");
        Assert.Equal(writes.Count, (await Ask("why-gfn", "gfn=0x200", "run=first")).Count);
        Assert.Equal(writes.Count, (await Ask("why-gfn", "gfn=0x200", "run=2")).Count);
        Assert.NotEqual(writes.Count, (await Ask("why-gfn", "gfn=0x200", "run=observed")).Count);
        Assert.NotEmpty(await Ask("writes-to-range", "from=0x200000"));
        foreach (var what in (string[])["mean_to_mapping", "total_to_entry"])
            Assert.Equal((await Ask("fault-latency", "run=observed")).Sum(row => Number(row[what])), (await Ask("fault-latency")).Sum(row => Number(row[what])));
        // Others tell the runs apart.
        Assert.Equal(["observed", "observed-filled"], (await Ask("exits-by-reason")).Select(row => row["run"].GetString()).Distinct().Order());
        Assert.Equal(["observed"], (await Ask("exits-by-reason", "run=observed")).Select(row => row["run"].GetString()).Distinct());
        Assert.Equal((await Ask("exits-by-reason")).Count, (await Ask("exits-by-reason", "run=every")).Count);
        // In a database whose first run is none of a trace, that run is meant.
        await Run("run", _folder["x.capture"], "-m", "npt-tdp", "-o", _folder["y.db"], "-q");
        await Run("import", "ftrace", _folder["t.txt"], "-o", _folder["y.capture"], "--db", _folder["y.db"], "--append", "--host", "amd-tcg");
        File.Move(_folder["y.db"], _folder["x.db"], overwrite: true);
        Assert.Equal(writes.Count(row => row["level"].GetInt64() == 4), (await Ask("why-gfn", "gfn=0x200")).Count(row => row["level"].GetInt64() == 4));
        Assert.DoesNotContain(await Ask("why-gfn", "gfn=0x200"), row => row["function"].GetString() == "__link_shadow_page");
        static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0;
    }

    [Fact]
    public async Task The_way_down_is_found_where_no_line_shows_links()
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        var seen = await Ask("mapping-at", "run=observed", "address=0x200000", "ordinal=2000");
        Assert.Equal(["unknown", "unknown", "unknown", "page"], seen.Select(row => row["kind"].GetString()));
        Assert.Equal(JsonValueKind.Null, seen[0]["value_hex"].ValueKind);
        var filled = await Ask("mapping-at", "address=0x200000", "ordinal=2000");
        Assert.Equal(["table", "table", "table", "page"], filled.Select(row => row["kind"].GetString()));
        Assert.Equal(filled[3]["value_hex"].GetString(), seen[3]["value_hex"].GetString());
        Assert.Equal(["none"], (await Ask("mapping-at", "address=0x8000000000", "ordinal=2000")).Select(row => row["kind"].GetString()));
    }

    /// <summary>SQL of one's own over what no line shows: an empty table is no answer.</summary>
    [Theory]
    [InlineData("select count(*) from tlb_flush where run = 1", "run observed: its trace does not show tlb_flushes (probes on kvm_flush_remote_tlbs, vmx_flush_tlb_*, svm_flush_tlb_*). Its companion has more: run observed-filled.")]
    [InlineData("select * from access join run using (run) where name = 'observed'", "run observed: a trace shows no accesses but those that faulted: they stand in fault and vm_exit.")]
    [InlineData("select * from table_write where run = 1 and function = 'spte_write_protect'", "0 rows: nothing matches, and the trace of run observed does not show table_write.clears, table_write.hardware, table_write.links, table_write.old (the view capability has which events do). Its companion has more: run observed-filled.")]
    [InlineData("select * from table_write where run = 2 and level = 9", "")]
    [InlineData("select count(*) from tlb_flush where run = 2", "")]
    [InlineData("select count(*) from table_write where run = 1", "")]
    [InlineData("select * from vm_exit where run = 1 and reason = 'none'", "")]
    public async Task Sql_over_what_the_trace_does_not_show_is_answered_with_that(string sql, string told)
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        var (exitCode, _, error) = await CommandRunner.Run("query", _folder["x.db"], sql, "--format", "csv");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Equal(told.Length == 0 ? "" : $"replay query: {told}", error.Trim());
    }

    /// <summary>What a tree lacks because no line shows it, and where that is had.</summary>
    [Theory]
    [InlineData("amd-npt-lm2m.thp", 0, "The trace shows no link between tables (a probe on __link_shadow_page does), so nothing below the root is drawn. 'replay import ftrace TRACE -o X.capture --db DB' fills the links in.")]
    [InlineData("intel-ept-nopg.thp", 0, "'replay import ftrace TRACE -o X.capture --db DB' fills the links in.")]
    [InlineData("amd-shadow-mmio.4k", 0, "With shadow paging probes alone tell: 'replay record host --print-script' sets them.")]
    [InlineData("amd-6.12-npt-tdp-lm2m.dirty4k", 200, "The trace shows none: a root that was made before the trace begins is in no line of it.")]
    public async Task A_tree_that_the_trace_does_not_show_says_so(string trace, int last, string gap)
    {
        var lines = RealTrace.Stock(RealTrace.Text(trace)).TrimEnd('\n').Split('\n');
        File.WriteAllText(_folder["t.txt"], string.Join('\n', last == 0 ? lines : lines[^last..]) + "\n");
        await Run("import", "ftrace", _folder["t.txt"], "--db", _folder["x.db"]);
        Assert.Contains(gap, await Tree(), StringComparison.Ordinal);
        Assert.DoesNotContain("never written", await Tree("--gpa", "0x200000"), StringComparison.Ordinal);
        Assert.Contains("The trace does not tell L1 from L2: kvm_nested_vmenter", await Tree("--guest", "L2"), StringComparison.Ordinal);
        using var json = JsonDocument.Parse(await Tree("--json"));
        Assert.Contains(gap, json.RootElement.GetProperty("notShown").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tree_that_the_trace_does_not_show_names_the_run_that_has_it()
    {
        await Import("amd-6.12-npt-lm2m.dirty4k", "amd-tcg");
        Assert.Contains("Its companion has more: --run observed-filled.", await Tree(), StringComparison.Ordinal);
        var filled = await Tree("--run", "observed-filled", "--at", "2000", "--depth", "0");
        Assert.Contains("PML4[0] gfn 0x0", filled, StringComparison.Ordinal);
        Assert.DoesNotContain("The trace shows no", filled, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tree_that_the_trace_shows_lacks_nothing()
    {
        await Run("import", "ftrace", RealTrace.PathOf("amd-npt-tdp-ptemod.thp.trace.gz"), "--db", _folder["x.db"]);
        Assert.DoesNotContain("The trace shows", await Tree("--at", "150"), StringComparison.Ordinal);
    }

    private async Task<string> Tree(params string[] options)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["tree", _folder["x.db"], .. options]);
        Assert.True(exitCode == ExitCode.Done || error.Contains("these are shadow tables", StringComparison.Ordinal), error);
        return text;
    }

    private async Task<Dictionary<long, string>> NamedAccesses(string input, string rip, string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["events", _folder[input], .. arguments]);
        Assert.True(exitCode == ExitCode.Done, error);
        return text.Split('\n').Select(line => System.Text.RegularExpressions.Regex.Match(line, $"^ *([0-9]+) .*gva.* rip 0x{rip} <(.*)>|^ *([0-9]+) +access .* rip 0x{rip} <(.*)>"))
            .Where(match => match.Success)
            .ToDictionary(
                match => long.Parse(match.Groups[1].Success ? match.Groups[1].Value : match.Groups[3].Value, System.Globalization.CultureInfo.InvariantCulture),
                match => match.Groups[1].Success ? match.Groups[2].Value : match.Groups[4].Value);
    }

    [Fact]
    public async Task Tables_and_differences_name_the_guests_functions_too()
    {
        await Run("record", "synthetic", "--workload", "demand-paging", "-k", "pages=64", "-o", _folder["c.capture"], "-q");
        await Run("run", _folder["c.capture"], "-m", "ept", "-m", "shadow", "-o", _folder["x.db"], "-q");
        var rips = (await Query([], "select distinct rip_hex from fault where rip <> 0 union select distinct rip_hex from access where rip <> 0")).Select(row => row["rip_hex"].GetString()![2..]).ToList();
        Assert.NotEmpty(rips);
        File.WriteAllLines(_folder["all.map"], rips.Select(rip => $"{rip.PadLeft(16, '0')} T at_{rip}"));
        var (_, tree, _) = await CommandRunner.Run("tree", _folder["x.db"], "--symbols", _folder["all.map"], "--depth", "0", "--entries", "0");
        Assert.Matches(" at [0-9.]+ for at_[0-9a-f]+", tree);
        var (_, diff, _) = await CommandRunner.Run("diff", _folder["x.db"], "ept", "shadow", "--symbols", _folder["all.map"]);
        if (diff.Contains("rip 0x", StringComparison.Ordinal))
            Assert.Matches("rip 0x([0-9a-f]+) <at_[0-9a-f]+", diff);
    }

    [Theory]
    [InlineData("app@xyz")]
    [InlineData("app@CR3=xyz")]
    public async Task A_symbol_file_that_is_not_understood_is_refused(string file)
    {
        await Run("record", "synthetic", "--workload", "demand-paging", "-k", "pages=4", "-o", _folder["c.capture"], "-q");
        var (exitCode, _, error) = await CommandRunner.Run("events", _folder["c.capture"], "--symbols", file);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("hexadecimal", error, StringComparison.Ordinal);
    }

    private async Task Import(string trace, string host)
    {
        File.WriteAllText(_folder["t.txt"], RealTrace.Stock(RealTrace.Text(trace)));
        await Run("import", "ftrace", _folder["t.txt"], "-o", _folder["x.capture"], "--db", _folder["x.db"], "--host", host);
    }

    private Task<List<Dictionary<string, JsonElement>>> Ask(string query, params string[] parameters) =>
        Query([], [$"@{query}", .. parameters.SelectMany(parameter => (string[])["-p", parameter])]);

    private async Task<List<Dictionary<string, JsonElement>>> Query(string[] symbols, params string[] query)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["query", _folder["x.db"], .. query, .. symbols, "--format", "jsonl"]);
        Assert.True(exitCode == ExitCode.Done, error);
        return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(line)!)];
    }

    private static async Task Run(params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done, string.Create(CultureInfo.InvariantCulture, $"{exitCode}: {error}"));
    }
}
