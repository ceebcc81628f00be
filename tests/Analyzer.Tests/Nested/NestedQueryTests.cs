using Dapper;
using Replay.Analyzer.Query;

namespace Replay.Analyzer.Tests.Nested;

/// <summary>What nested guests cost, and which tables were write-protected: canned questions, held against the rows themselves.</summary>
public sealed class NestedQueryTests(NestedDatabase nested) : IClassFixture<NestedDatabase>
{
    public static TheoryData<string> Runs => NestedDatabase.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_cost_of_nested_guests_is_what_the_rows_say(string run)
    {
        var cost = Ask("nested-cost", run).ToDictionary(row => row["what"], row => long.Parse(row["count"]));
        Assert.Equal(Count("guest_state", "cause = 'vmrun'", run), cost["entries into L2 (VMRUN)"]);
        Assert.Equal(Count("vm_exit", "guest = 'L2'", run), cost["exits of L2"]);
        Assert.Equal(Count("guest_state", "cause = 'vmexit'", run), cost["exits handed to L1"]);
        Assert.Equal(Count("fault", "guest = 'L2' AND outcome <> 'guest_fault'", run), cost["faults of L2 handled by KVM"]);
        Assert.Equal(Count("page_operation", "guest = 'L2' AND operation = 'create'", run), cost["tables made for L2"]);
        Assert.Equal(Count("table_write", "guest = 'L2' AND actor = 'kvm'", run), cost["entries of L2's tables written by KVM"]);
        Assert.Equal(Count("root_change", "guest = 'L2' AND operation = 'load'", run), cost["switches to a root of L2"]);
        Assert.Equal(cost["entries into L2 (VMRUN)"], cost["exits handed to L1"]);
        Assert.True(cost["exits of L2"] >= cost["exits handed to L1"]);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Exits_of_nested_guests_are_all_there_and_told_by_who_got_them(string run)
    {
        var exits = Ask("nested-exits", run);
        Assert.Equal(Count("vm_exit", "guest = 'L2'", run), exits.Sum(row => long.Parse(row["exits"])));
        Assert.Equal(Count("guest_state", "cause = 'vmexit'", run), exits.Where(row => row["handed_to_l1_as"].Length > 0).Sum(row => long.Parse(row["exits"])));
        // KVM handles no exit for L2 that it says it handed on, and hands on whatever is none of the MMU's.
        Assert.All(exits.Where(row => row["reason"] == "NESTED_EXIT"), row => Assert.NotEqual("", row["handed_to_l1_as"]));
        Assert.Equal(Count("fault", "guest = 'L2'", run), exits.Sum(row => long.Parse(row["faults"])));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Each_entry_is_a_flush_that_was_asked_for_one_way_or_another(string run)
    {
        var flushes = Ask("nested-flushes", run);
        Assert.Equal(Count("guest_state", "cause = 'vmrun'", run), flushes.Where(row => row["request"].StartsWith("VMRUN", StringComparison.Ordinal)).Sum(row => long.Parse(row["times"])));
        Assert.Equal(Count("vm_exit", "reason = 'INVLPGA'", run), flushes.Where(row => row["request"] == "INVLPGA").Sum(row => long.Parse(row["times"])));
        Assert.Equal(Count("fault", "guest = 'L2'", run), flushes.Sum(row => long.Parse(row["faults_after"])));
    }

    [Fact]
    public void Nested_page_tables_that_the_hypervisor_edits_are_write_protected_again_and_again()
    {
        var tables = Ask("write-protected", "npt-tdp");
        Assert.All(tables, row => Assert.Equal(("L2", "nested page table"), (row["translates_for"], row["what"])));
        Assert.Equal(Count("table_page", "NOT direct AND NOT special", "npt-tdp", "DISTINCT gfn"), tables.Count);
        var most = tables[0];
        Assert.True(long.Parse(most["faults_l1"]) + long.Parse(most["faults_l2"]) > 10);
        Assert.Equal(Count("page_operation", $"operation = 'unsync' AND gfn_hex = '{most["gfn_hex"]}'", "npt-tdp"), long.Parse(most["unsyncs"]));
        Assert.Contains("account_shadowed", most["protected_first_by"], StringComparison.Ordinal);
        // L2 writes NPT12 itself, too.
        Assert.Contains(tables, row => long.Parse(row["faults_l2"]) > 0 && long.Parse(row["emulated"]) > 0);
    }

    [Fact]
    public void With_shadow_paging_both_guests_own_tables_are_protected()
    {
        var tables = Ask("write-protected", "nonpt-shadow");
        Assert.All(tables, row => Assert.Equal("page table", row["what"]));
        Assert.Contains(tables, row => row["translates_for"] == "L1");
        Assert.Contains(tables, row => row["translates_for"] == "L2");
        // Without nested page tables KVM has none of L2's to shadow where the CPU walks them.
        Assert.Empty(Ask("write-protected", "nonpt-tdp"));
    }

    [Theory]
    [InlineData("nested-cost")]
    [InlineData("nested-exits")]
    [InlineData("nested-flushes")]
    [InlineData("write-protected")]
    public void A_guest_without_one_of_its_own_has_no_rows(string query) => Assert.Empty(Ask(query, "plain"));

    private List<Dictionary<string, string>> Ask(string query, string run)
    {
        var arguments = new Dictionary<string, string> { ["run"] = run };
        if (query == "write-protected")
            arguments["top"] = "1000";
        using var execution = new QueryRunner(nested.Database).Execute(CannedQueries.Find(query), arguments, cancellation: TestContext.Current.CancellationToken);
        execution.NextResult();
        var rows = new List<Dictionary<string, string>>();
        while (execution.Read())
            rows.Add(Enumerable.Range(0, execution.Columns.Count).ToDictionary(i => execution.Columns[i], i => execution[i].ToString() ?? ""));
        return rows;
    }

    private long Count(string table, string where, string run, string what = "*") =>
        nested.Database.Connection.ExecuteScalar<long>($"SELECT count({what}) FROM {table} WHERE run = @run AND {where}", new { run = nested.Number(run) });
}
