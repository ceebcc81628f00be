using Dapper;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

/// <summary>The tables as they were after an event, against what playing back all writes up to it gives.</summary>
public sealed class TableTreeTests(WorkloadDatabases databases) : IDisposable, IClassFixture<WorkloadDatabases>
{
    private readonly TempDirectory _directory = new();

    public static TheoryData<string> Workloads => ["unsync-churn", "dirty-log", "mmio", "context-switch-storm"];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_tree_after_an_event_is_what_the_writes_up_to_it_made(string workload)
    {
        using var database = databases.Open(workload);
        var runner = new QueryRunner(database);
        var entries = 0;
        foreach (var run in database.Runs)
        {
            for (var part = 1; part <= 8; part++)
            {
                var ordinal = run.LastOrdinal!.Value * part / 8;
                var reader = new TableTreeReader(runner, run, ordinal, TestContext.Current.CancellationToken);
                if (reader.FindRoot(0) is not { } root)
                    continue;
                var played = PlayBack(database, run.Run, ordinal);
                entries += Compare(reader.ReadTable(root.TableId, 5), played);
            }
        }

        Assert.True(entries > 1000, $"only {entries} entries were compared");
    }

    [Theory]
    [MemberData(nameof(Workloads))]
    public void The_walk_of_an_address_is_the_way_to_it_in_the_tree_and_what_mapping_at_says(string workload)
    {
        using var database = databases.Open(workload);
        var runner = new QueryRunner(database);
        var walks = 0;
        foreach (var run in database.Runs)
        {
            var ordinal = run.LastOrdinal!.Value * 2 / 3;
            var reader = new TableTreeReader(runner, run, ordinal, TestContext.Current.CancellationToken);
            var root = reader.FindRoot(0)!;
            var tree = reader.ReadTable(root.TableId, 5);
            var addresses = database.Connection.Query<long>("SELECT DISTINCT address FROM fault WHERE run = @run ORDER BY address LIMIT 40", new { run = run.Run });
            foreach (var address in addresses)
            {
                var expected = Way(tree, unchecked((ulong)address));
                Assert.Equal(expected, Way(reader.ReadPath(root.TableId, unchecked((ulong)address)), unchecked((ulong)address)));
                Assert.Equal(expected, Mapping(runner, run.Run, address, ordinal));
                walks++;
            }
        }

        Assert.True(walks > 20, $"only {walks} walks");
    }

    [Fact]
    public void Before_the_first_root_there_is_no_tree()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        Assert.Null(new TableTreeReader(new QueryRunner(database), database.Runs[0], 9).FindRoot(0));
        Assert.Equal(1, new TableTreeReader(new QueryRunner(database), database.Runs[0], 10).FindRoot(0)!.TableId);
        Assert.Null(new TableTreeReader(new QueryRunner(database), database.Runs[0], 10).FindRoot(1));
    }

    [Fact]
    public void A_walk_says_where_it_ends()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var reader = new TableTreeReader(new QueryRunner(database), database.Runs[0], 20);
        var leaf = reader.ReadPath(1, 0x102000).Entries![0].Table!.Entries![0].Table!.Entries![0].Table!;
        Assert.Equal((1, "PT"), (leaf.Level, leaf.Name));
        var entry = Assert.Single(leaf.Entries!);
        Assert.Equal((0x102, "none", null), (entry.Index, entry.Kind, entry.SinceOrdinal));
        Assert.Equal("WB ipat host-writable mmu-writable", EntryWords.Describe(reader.ReadPath(1, 0x100000).Entries![0].Table!.Entries![0].Table!.Entries![0].Table!.Entries![0], isEpt: true));
    }

    [Fact]
    public void Where_not_all_writes_are_stored_no_tree_is_drawn()
    {
        using var leaf = SampleHistory.Store(_directory.File("leaf.db"), new StoreOptions { Detail = DetailLevel.Leaf });
        Assert.Contains("--detail all", Assert.Throws<QueryException>(() => new TableTreeReader(new QueryRunner(leaf), leaf.Runs[0], 10)).Message, StringComparison.Ordinal);
        using var capped = SampleHistory.Store(_directory.File("capped.db"), new StoreOptions { MaxRows = 20 });
        var last = capped.Runs[0].RowsToOrdinal!.Value;
        Assert.Contains($"--at {last}", Assert.Throws<QueryException>(() => new TableTreeReader(new QueryRunner(capped), capped.Runs[0], 50)).Message, StringComparison.Ordinal);
        Assert.NotNull(new TableTreeReader(new QueryRunner(capped), capped.Runs[0], last).FindRoot(0));
    }

    private static Dictionary<(long Table, int Index), (ulong Value, long Seq)> PlayBack(Database database, int run, long ordinal)
    {
        var entries = new Dictionary<(long, int), (ulong, long)>();
        foreach (var (table, index, value, seq) in database.Connection.Query<(long, int, long, long)>(
            "SELECT table_id, idx, new, seq FROM table_write WHERE run = @run AND ordinal <= @ordinal ORDER BY ordinal, seq", new { run, ordinal }))
        {
            entries[(table, index)] = (unchecked((ulong)value), seq);
        }

        return entries;
    }

    private static int Compare(TreeTable table, Dictionary<(long Table, int Index), (ulong Value, long Seq)> played)
    {
        var count = 0;
        var expected = Enumerable.Range(0, 512).Where(i => played.TryGetValue((table.TableId, i), out var entry) && entry.Value != 0);
        Assert.Equal(expected, table.Entries!.Select(entry => entry.Index));
        foreach (var entry in table.Entries!)
        {
            Assert.Equal(played[(table.TableId, entry.Index)], (entry.Value, entry.SinceSeq));
            count++;
            Assert.Equal(entry.IsLink, entry.Table is not null);
            if (entry.Table is { } child)
            {
                Assert.Equal(entry.Frame << 12, child.Hpa);
                count += Compare(child, played);
            }
        }

        return count;
    }

    private static List<(long Table, int Index, ulong Value)> Way(TreeTable table, ulong address)
    {
        var way = new List<(long, int, ulong)>();
        for (var next = table; next is not null;)
        {
            var index = (int)(address >> ((9 * next.Level) + 3) & 511);
            var entry = next.Entries!.FirstOrDefault(each => each.Index == index);
            way.Add((next.TableId, index, entry?.Value ?? 0));
            next = entry?.Table;
        }

        return way;
    }

    private static List<(long Table, int Index, ulong Value)> Mapping(QueryRunner runner, int run, long address, long ordinal)
    {
        var way = new List<(long, int, ulong)>();
        using var execution = runner.Execute(
            CannedQueries.Find("mapping-at"),
            new Dictionary<string, string> { ["run"] = $"{run}", ["address"] = $"{address}", ["ordinal"] = $"{ordinal}" },
            cancellation: TestContext.Current.CancellationToken);
        execution.NextResult();
        while (execution.Read())
            way.Add((execution[1].Integer, (int)execution[2].Integer, Convert.ToUInt64(execution[3].ToString(), 16)));
        return way;
    }
}
