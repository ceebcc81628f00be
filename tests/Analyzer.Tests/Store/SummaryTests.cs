using Dapper;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Replayer;

namespace Replay.Analyzer.Tests;

/// <summary>What is counted while a run is stored is what its rows would give. On workloads with zaps, syncs, dirty logging and devices.</summary>
public sealed class SummaryTests(WorkloadDatabases databases) : IDisposable, IClassFixture<WorkloadDatabases>
{
    private readonly TempDirectory _directory = new();

    public static TheoryData<string> Workloads => ["unsync-churn", "dirty-log", "mmio", "context-switch-storm"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_summary_of_page_operations_equals_the_rows(string workload) => Same(
        workload,
        "SELECT json_array(run, operation, level, chain, sum(operations), min(first_ordinal), max(last_ordinal)) FROM page_summary GROUP BY run, operation, level, chain",
        "SELECT json_array(run, operation, level, chain, count(*), min(ordinal), max(ordinal)) FROM page_operation GROUP BY run, operation, level, chain");

    /// <summary>The query counts a run without a summary itself: both must say the same.</summary>
    [Theory]
    [MemberData(nameof(Workloads))]
    [InlineData("fork-storm")]
    [InlineData("huge-pages")]
    public void The_summary_of_refaults_equals_what_the_writes_give(string workload)
    {
        var path = _directory.File("before.db");
        var runs = new List<int>();
        using (var database = databases.Open(workload))
        {
            runs.AddRange(database.Runs.Select(run => run.Run));
            database.Connection.Execute("VACUUM INTO @path", new { path });
        }

        using (var before = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False"))
        {
            before.Open();
            before.Execute("DELETE FROM _refault_tally");
        }

        using var summed = databases.Open(workload);
        using var counted = Database.OpenRead(path);
        foreach (var run in runs)
            Assert.Equal(Refaults(counted, run), Refaults(summed, run));
        Assert.Contains(runs, run => Refaults(summed, run).Count > 1);

        static List<string> Refaults(Database database, int run)
        {
            using var rows = new QueryRunner(database).Execute(CannedQueries.Find("refaults"), new Dictionary<string, string> { ["run"] = $"{run}" }, cancellation: TestContext.Current.CancellationToken);
            var lines = new List<string>();
            rows.NextResult();
            while (rows.Read())
                lines.Add(string.Join('|', Enumerable.Range(0, rows.Columns.Count).Select(column => rows[column])));
            return lines;
        }
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_summary_of_flushes_equals_the_rows(string workload) => Same(
        workload,
        "SELECT json_array(run, kind, chain, flushes, pages, first_ordinal, last_ordinal) FROM flush_summary",
        "SELECT json_array(run, kind, chain, count(*), sum(pages), min(ordinal), max(ordinal)) FROM tlb_flush GROUP BY run, kind, chain");

    /// <summary>Writes belong to the exit that the guest made last in the event, whether KVM makes them in a fault or on the way back into the guest.</summary>
    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_summary_of_exits_equals_the_rows_and_what_KVM_wrote_before_the_guest_went_on(string workload) => Same(
        workload,
        "SELECT json_array(run, reason, exits, faults, writes, first_ordinal, last_ordinal) FROM exit_summary",
        "SELECT json_array(x.run, x.reason, count(*), sum((SELECT count(*) FROM fault AS f WHERE f.run = x.run AND f.exit_id = x.exit_id)), "
        + "sum((SELECT count(*) FROM table_write AS w WHERE w.run = x.run AND w.ordinal = x.ordinal AND w.actor = 'kvm' AND x.seq = "
        + "(SELECT max(y.seq) FROM vm_exit AS y WHERE y.run = x.run AND y.ordinal = x.ordinal AND y.seq < w.seq))), min(x.ordinal), max(x.ordinal)) "
        + "FROM vm_exit AS x GROUP BY x.run, x.reason");

    [Theory]
    [MemberData(nameof(Workloads))]
    public void What_changed_in_a_mapping_is_counted_as_the_bits_of_the_rows_say(string workload) => Same(
        workload,
        "SELECT json_array(run, level, sum(writes), instr(changes, '-w') > 0, instr(changes, '+w') > 0, instr(changes, '+a') > 0, instr(changes, '+d') > 0, "
        + "instr(changes, '-d') > 0, instr(changes, 'frame') > 0) "
        + "FROM write_summary WHERE changes IS NOT NULL GROUP BY run, level, instr(changes, '-w') > 0, instr(changes, '+w') > 0, instr(changes, '+a') > 0, "
        + "instr(changes, '+d') > 0, instr(changes, '-d') > 0, instr(changes, 'frame') > 0",
        "SELECT json_array(run, level, count(*), old_w > new_w, old_w < new_w, old_accessed < new_accessed, old_dirty < new_dirty, old_dirty > new_dirty, "
        + "old_frame <> new_frame) "
        + "FROM table_write_bits WHERE old_kind IN ('page', 'huge') AND new_kind IN ('page', 'huge') GROUP BY run, level, old_w > new_w, old_w < new_w, "
        + "old_accessed < new_accessed, old_dirty < new_dirty, old_dirty > new_dirty, old_frame <> new_frame");

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_activity_of_each_stretch_is_that_of_its_rows(string workload)
    {
        string[] rows =
        [
            "SELECT run, ordinal, 'exit' AS kind, reason AS name, NULL AS level FROM vm_exit",
            "SELECT run, ordinal, 'fault', outcome, NULL FROM fault",
            "SELECT run, ordinal, 'write', function, level FROM table_write",
            "SELECT run, ordinal, 'page', operation, level FROM page_operation",
            "SELECT run, ordinal, 'root', operation, NULL FROM root_change",
            "SELECT run, ordinal, 'flush', kind, NULL FROM tlb_flush",
            "SELECT run, ordinal, 'guest_fault', NULL, NULL FROM guest_fault",
        ];
        Same(
            workload,
            "SELECT json_array(run, first_ordinal, last_ordinal, kind, name, level, count) FROM activity",
            $"SELECT json_array(e.run, ordinal / stretch * stretch, ordinal / stretch * stretch + stretch - 1, kind, e.name, level, count(*)) "
            + $"FROM ({string.Join(" UNION ALL ", rows)}) AS e JOIN run USING (run) GROUP BY e.run, ordinal / stretch, kind, e.name, level");
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_tables_held_are_those_made_and_not_yet_freed(string workload) => Same(
        workload,
        "SELECT json_array(run, level, first_ordinal, held) FROM table_memory",
        "SELECT json_array(m.run, m.level, m.first_ordinal, count(*)) FROM table_memory AS m JOIN table_page AS p ON p.run = m.run AND NOT p.special "
        + "AND (m.level = 0 OR p.level = m.level) AND p.created_ordinal <= m.last_ordinal AND (p.freed_ordinal IS NULL OR p.freed_ordinal > m.last_ordinal) "
        + "GROUP BY m.run, m.level, m.first_ordinal UNION ALL "
        + "SELECT json_array(m.run, m.level, m.first_ordinal, 0) FROM table_memory AS m WHERE held = 0");

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_lists_of_hot_things_are_the_thousand_with_the_most(string workload)
    {
        Same(
            workload,
            "SELECT json_array(run, gfn, writes, set_writes, clear_writes, hardware_writes, lowest_level, highest_level) FROM hot_gfn",
            Ranked(
                "run, gfn, count(*), sum(old_kind IN ('none', 'removed') AND new_kind NOT IN ('none', 'removed')), "
                + "sum(old_kind NOT IN ('none', 'removed') AND new_kind IN ('none', 'removed')), sum(actor = 'hardware'), min(level), max(level)",
                "table_write",
                "run, gfn"));
        Same(workload, "SELECT json_array(run, table_id, idx, writes) FROM hot_entry", Ranked("run, table_id, idx, count(*)", "table_write", "run, table_id * 512 + idx"));
        Same(
            workload,
            "SELECT json_array(run, address, faults, fixed, emulated, writes) FROM hot_address",
            Ranked("run, address & ~4095, count(*), sum(outcome = 'fixed'), sum(outcome IN ('emulate', 'write_protected')), sum(writes)", "fault", "run, address & ~4095"));
        Same(workload, "SELECT json_array(run, rip, faults, writes) FROM hot_rip", Ranked("run, rip, count(*), sum(writes)", "fault", "run, rip"));
    }

    [Fact]
    public void Summaries_are_the_same_at_every_level_of_detail_and_with_every_cap()
    {
        var all = Summaries(StoreOptions.Default, "all.db");
        Assert.Equal(all, Summaries(new StoreOptions { Detail = DetailLevel.Leaf }, "leaf.db"));
        Assert.Equal(all, Summaries(new StoreOptions { Detail = DetailLevel.Counters }, "counters.db"));
        Assert.Equal(all, Summaries(new StoreOptions { MaxRows = 100 }, "capped.db"));

        List<string> Summaries(StoreOptions options, string file)
        {
            using var database = WorkloadDatabase.Store(_directory.File(file), "unsync-churn", [MmuMode.Shadow], options);
            string[] views = ["activity", "counter", "exit_summary", "fault_summary", "flush_summary", "hot_address", "hot_entry", "hot_gfn", "hot_rip", "hot_table", "page_summary", "refault_summary", "table_memory", "write_summary"];
            var text = new List<string>();
            foreach (var view in views)
            {
                foreach (var row in database.Connection.Query($"SELECT * FROM {view}"))
                    text.Add($"{view} {string.Join(' ', ((IDictionary<string, object>)row).Values)}");
            }

            return text;
        }
    }

    [Fact]
    public void A_cap_on_rows_keeps_the_beginning_whole_and_is_told()
    {
        using var all = WorkloadDatabase.Store(_directory.File("all.db"), "unsync-churn", [MmuMode.Shadow]);
        using var capped = WorkloadDatabase.Store(_directory.File("capped.db"), "unsync-churn", [MmuMode.Shadow], new StoreOptions { MaxRows = 1000 });
        var run = Assert.Single(capped.Runs);
        Assert.Equal(1000, run.MaxRows);
        Assert.Equal(all.Runs[0].HistoryHash, run.HistoryHash);
        Assert.Contains("--max-rows 1000", Assert.Single(capped.Warnings), StringComparison.Ordinal);
        Assert.Null(all.Runs[0].RowsToOrdinal);
        var last = run.RowsToOrdinal!.Value;
        const string Rows = "SELECT run, ordinal, seq, kind, text FROM event WHERE kind NOT IN ('note') AND ordinal <= @last ORDER BY ordinal, seq";
        var expected = all.Connection.Query(Rows, new { last }).Select(row => $"{row}").ToList();
        Assert.InRange(expected.Count, 1, 1000);
        Assert.Equal(expected, capped.Connection.Query(Rows, new { last }).Select(row => $"{row}"));
        Assert.Equal(0, capped.Connection.ExecuteScalar<long>("SELECT count(*) FROM event WHERE ordinal > @last AND kind <> 'note'", new { last }));
    }

    /// <summary>A thousand groups a run, those with the most rows first and of equal ones those with the lowest key.</summary>
    private static string Ranked(string columns, string from, string key) =>
        $"SELECT row FROM (SELECT json_array({columns}) AS row, row_number() OVER (PARTITION BY run ORDER BY count(*) DESC, {key[5..]} < 0, {key[5..]}) AS rank "
        + $"FROM {from} GROUP BY {key}) WHERE rank <= 1000";

    private void Same(string workload, string summary, string rows)
    {
        using var database = databases.Open(workload);
        var expected = database.Connection.Query<string>(rows).Order(StringComparer.Ordinal).ToList();
        var actual = database.Connection.Query<string>(summary).Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual);
    }
}
