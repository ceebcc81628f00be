using Dapper;

namespace Replay.Analyzer.Tests;

/// <summary>A counter equals the number of rows with its cause, in every mode: those that KVM has as well are kept by the model itself.</summary>
public sealed class CounterTests(WorkloadDatabases databases) : IClassFixture<WorkloadDatabases>
{
    /// <summary>Counters under names of KVM, and the rows that each counts.</summary>
    public static TheoryData<string, string> Kernel { get; } = new()
    {
        { "pf_taken", "SELECT count(*) FROM fault WHERE run = @run AND handler <> 'handle_mmio_page_fault'" },
        { "pf_fixed", "SELECT count(*) FROM fault WHERE run = @run AND outcome = 'fixed'" },
        { "pf_emulate", "SELECT count(*) FROM fault WHERE run = @run AND outcome IN ('emulate', 'write_protected') AND handler <> 'handle_mmio_page_fault'" },
        { "pf_spurious", "SELECT count(*) FROM fault WHERE run = @run AND outcome = 'spurious'" },
        { "pf_guest", "SELECT count(*) FROM guest_fault WHERE run = @run AND exit_id IS NOT NULL" },
        { "pf_mmio_spte_created", "SELECT count(*) FROM table_write WHERE run = @run AND tracepoint LIKE '%mark_mmio_spte'" },
        { "invlpg", "SELECT count(*) FROM vm_exit WHERE run = @run AND reason = 'INVLPG'" },
        { "remote_tlb_flush", "SELECT count(*) FROM tlb_flush WHERE run = @run AND kind IN ('remote', 'remote_range')" },
        { "mmu_cache_miss", "SELECT count(*) FROM page_operation JOIN table_page USING (run, table_id) WHERE run = @run AND operation = 'create' AND NOT tdp_mmu AND NOT special" },
        { "mmu_shadow_zapped", "SELECT count(*) FROM page_operation JOIN table_page USING (run, table_id) WHERE run = @run AND operation = 'zap' AND NOT tdp_mmu" },
        { "pages_4k", "SELECT sum(new_kind = 'page') - sum(old_kind = 'page') FROM table_write WHERE run = @run AND level = 1" },
        { "pages_2m", "SELECT sum(new_kind = 'huge') - sum(old_kind = 'huge') FROM table_write WHERE run = @run AND level = 2" },
        { "pages_1g", "SELECT sum(new_kind = 'huge') - sum(old_kind = 'huge') FROM table_write WHERE run = @run AND level = 3" },
    };

    public static TheoryData<string, string> Own { get; } = new()
    {
        { "accesses_of_interest", "SELECT count(*) FROM access WHERE run = @run" },
        { "vm_exits", "SELECT count(*) FROM vm_exit WHERE run = @run" },
        { "faults", "SELECT count(*) FROM fault WHERE run = @run" },
        { "table_writes", "SELECT count(*) FROM table_write WHERE run = @run" },
        { "table_writes_hardware", "SELECT count(*) FROM table_write WHERE run = @run AND actor = 'hardware'" },
        { "table_writes_untraced", "SELECT count(*) FROM table_write WHERE run = @run AND actor = 'kvm' AND tracepoint IS NULL" },
        { "tlb_flushes", "SELECT count(*) FROM tlb_flush WHERE run = @run" },
        { "rmap_changes", "SELECT count(*) FROM rmap_change WHERE run = @run" },
        { "guest_faults", "SELECT count(*) FROM guest_fault WHERE run = @run" },
    };

    [Theory]
    [MemberData(nameof(Kernel))]
    [MemberData(nameof(Own))]
    public void A_counter_equals_its_rows(string counter, string rows)
    {
        var seen = 0L;
        foreach (var workload in (string[])["unsync-churn", "dirty-log", "mmio", "context-switch-storm"])
        {
            using var database = databases.Open(workload);
            foreach (var run in database.Runs)
            {
                var value = database.Connection.QuerySingle<long>("SELECT value FROM counter WHERE run = @run AND name = @counter", new { run = run.Run, counter });
                Assert.Equal((workload, run.Name, database.Connection.ExecuteScalar<long>(rows, new { run = run.Run })), (workload, run.Name, value));
                seen += value;
            }
        }

        // Something was counted, wherever these workloads can make it happen at all.
        Assert.True(seen > 0 || counter is "pages_2m" or "pages_1g" or "pf_guest" or "pf_spurious", $"{counter} is 0 everywhere");
    }

    [Fact]
    public void A_counter_by_sort_equals_the_rows_of_that_sort()
    {
        foreach (var workload in (string[])["unsync-churn", "dirty-log"])
        {
            using var database = databases.Open(workload);
            foreach (var (prefix, view, column) in (ReadOnlySpan<(string, string, string)>)
                [("vm_exits_", "vm_exit", "reason"), ("faults_", "fault", "outcome"), ("pages_", "page_operation", "operation"), ("roots_", "root_change", "operation")])
            {
                var sorts = database.Connection.Query<(long, string, long)>($"SELECT run, lower({column}), count(*) FROM {view} GROUP BY run, {column}").AsList();
                Assert.NotEmpty(sorts);
                foreach (var (run, sort, count) in sorts)
                {
                    var value = database.Connection.ExecuteScalar<long?>("SELECT value FROM counter WHERE run = @run AND name = @name", new { run, name = prefix + sort });
                    Assert.Equal((run, sort, count), (run, sort, value ?? -1));
                }
            }
        }
    }
}
