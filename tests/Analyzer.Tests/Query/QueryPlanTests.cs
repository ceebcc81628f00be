using System.Text.RegularExpressions;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests;

/// <summary>Time travel stays instant on any number of writes only if every search finds its index.</summary>
public sealed class QueryPlanTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public static TheoryData<string, string, string> Cases { get; } = new()
    {
        { "entry-at", "table_id=5 idx=7", "_table_write_by_entry (table_id=? AND run=? AND idx=? AND ordinal<?)" },
        { "table-at", "table_id=5", "_table_write_by_entry (table_id=? AND run=? AND idx=? AND ordinal<?)" },
        { "pml4-at", "", "_table_write_by_entry (table_id=? AND run=? AND idx=? AND ordinal<?)" },
        { "mapping-at", "address=0x5000", "_table_page_by_hpa (run=? AND <expr>=?)" },
        { "why-entry", "table_id=5 idx=7", "_table_write_by_entry (table_id=? AND run=? AND idx=?)" },
        { "why-gfn", "gfn=5", "_table_write_by_gfn (gfn=? AND run=?)" },
        { "who-zapped", "gfn=5", "_table_write_by_gfn (gfn=? AND run=?)" },
        { "why-gva", "gva=0x5000", "_fault_at_gva (gva>? AND gva<?)" },
        { "what-happened-at", "ordinal=5", "PRIMARY KEY (run=? AND ordinal=?)" },
        { "zap-victims", "ordinal=5", "_table_write_by_entry (table_id=? AND run=? AND idx=?" },
        { "hot-gfns", "", "_table_write_by_gfn (gfn=? AND run=?)" },
        { "hot-entries", "", "_table_write_by_entry (table_id=? AND run=? AND idx=?)" },
        { "writes-to-range", "from=0x5000", "_access_at_gpa (gpa>? AND gpa<?)" },
    };

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_search_finds_its_index_and_walks_no_table(string name, string arguments, string index)
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
        {
            Fill(store);
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        var query = CannedQueries.Find(name);
        var explained = query with { Sql = "EXPLAIN QUERY PLAN " + query.Sql };
        var values = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        var plan = new List<string>();
        using (var execution = new QueryRunner(database).Execute(explained, values, cancellation: TestContext.Current.CancellationToken))
        {
            execution.NextResult();
            while (execution.Read())
                plan.Add(execution[3].ToString());
        }

        var text = string.Join('\n', plan);
        Assert.Contains(index, text, StringComparison.Ordinal);
        Assert.DoesNotContain(plan, step => step.Contains("PRIMARY KEY (run=?)", StringComparison.Ordinal) && !step.Contains("SEARCH c ", StringComparison.Ordinal)
            && !step.Contains("SEARCH _hot_", StringComparison.Ordinal));
        Assert.DoesNotContain(plan, step => step.StartsWith("SCAN _", StringComparison.Ordinal) || step.StartsWith("SCAN w", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("run, ordinal, seq")]
    [InlineData("ordinal")]
    [InlineData("ordinal DESC")]
    [InlineData("ordinal, seq", " AND ordinal > 5")]
    [InlineData("ordinal, seq", " AND kind = 'write'")]
    public void The_whole_history_is_merged_in_order_and_never_sorted(string order, string filter = "")
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
        {
            Fill(store);
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        using var execution = new QueryRunner(database).Execute(
            $"EXPLAIN QUERY PLAN SELECT ordinal, kind, text FROM event WHERE run = 1{filter} ORDER BY {order} LIMIT 5".Replace("ordinal, kind", order.Contains("seq", StringComparison.Ordinal) ? "run, seq, ordinal, kind" : "ordinal, kind", StringComparison.Ordinal),
            cancellation: TestContext.Current.CancellationToken);
        execution.NextResult();
        var plan = new List<string>();
        while (execution.Read())
            plan.Add(execution[3].ToString());
        Assert.Contains("MERGE (UNION ALL)", plan);
        Assert.DoesNotContain(plan, step => step.StartsWith("CO-ROUTINE", StringComparison.Ordinal) || step.StartsWith("SCAN event", StringComparison.Ordinal));
        // Notes are few, and have no index by ordinal.
        Assert.True(plan.Count(step => step.Contains("TEMP B-TREE", StringComparison.Ordinal)) <= 1, string.Join('\n', plan));
    }

    /// <summary>What a modelled run takes must not grow with its history, unless the query's description says that it reads all of it.</summary>
    [Fact]
    public void A_query_takes_as_long_on_a_long_history_as_on_a_short_one_or_says_that_it_does_not()
    {
        var (small, large) = (Steps(40), Steps(160));
        // What does read all is seen to.
        Assert.True(large[ReadsAll] > small[ReadsAll] + Grown);
        Assert.All(CannedQueries.All, query => Assert.True(
            large[query.Name] <= small[query.Name] + Grown || Regex.IsMatch(query.Description, "Reads (the whole run|all )"),
            $"@{query.Name} takes {large[query.Name]:#,0} steps, where a quarter of the history takes {small[query.Name]:#,0}"));
    }

    /// <summary>Not two steps for each write that is more, as summaries grow up to their size: a row that is read takes some ten.</summary>
    private const int Grown = 100_000;

    private const string ReadsAll = "level";

    private Dictionary<string, int> Steps(int tables)
    {
        var path = _directory.File($"{tables}.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
        {
            Fill(store, tables);
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        var runner = new QueryRunner(database);
        var steps = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var query in CannedQueries.All)
        {
            var values = query.Parameters.Where(parameter => parameter.Default is null).ToDictionary(parameter => parameter.Name, parameter => parameter.Type == CannedParameterType.Run ? "1" : parameter.Name == "gva" ? "0x600000" : "5");
            using var execution = runner.Execute(query, values, cancellation: TestContext.Current.CancellationToken);
            Assert.True(execution.NextResult());
            while (execution.Read())
            {
            }

            steps[query.Name] = execution.Steps;
        }

        using (var all = runner.Execute($"SELECT sum({ReadsAll}) FROM table_write WHERE run = 1", cancellation: TestContext.Current.CancellationToken))
        {
            Assert.True(all.NextResult() && all.Read());
            steps[ReadsAll] = all.Steps;
        }

        return steps;
    }

    private static void Fill(HistoryStore store, int tables = 40)
    {
        var seq = 0L;
        for (var table = 1; table <= tables; table++)
        {
            store.OnTablePage(new TablePageRecord { Seq = ++seq, Ordinal = seq, TableId = table, Pfn = (ulong)table, Level = 1, Operation = PageOperation.Create, FaultId = -1, ExitId = -1 });
            store.OnExit(new VmExitRecord { Seq = ++seq, Ordinal = seq, ExitId = table, Reason = ExitReason.EptViolation });
            store.OnFault(new FaultRecord { Seq = ++seq, Ordinal = seq, FaultId = table, ExitId = table, Address = (ulong)table << 21, Gva = (ulong)table << 21 });
            store.OnRoot(new RootRecord { Seq = ++seq, Ordinal = seq, TableId = table, Operation = RootOperation.Load, ExitId = -1 });
            for (var i = 0; i < 512; i++)
            {
                store.OnWrite(new TableWrite { Seq = ++seq, Ordinal = seq, TableId = table, Index = (ushort)i, Gfn = (ulong)((table << 9) + i), FaultId = -1, ExitId = -1, Level = 1 });
                store.OnAccess(new AccessRecord { Ordinal = seq, Gpa = (ulong)seq << 12, HasGpa = 1 });
            }
        }
    }
}
