using Replay.Analyzer.Query;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

/// <summary>
/// What docs/schema.md promises of the views: history in order comes without a sort, and a search by what it names finds an index. The plans
/// are those for ten million rows: a file's statistics say so, whatever is in it.
/// </summary>
public sealed class ViewPlanTests : IDisposable
{
    private static readonly string[] Searched = ["table_id", "gfn", "fault_id", "gpa", "gva"];

    /// <summary>At most a few thousand rows a run: a walk of a run's rows is no search that got lost.</summary>
    private static readonly string[] Small =
        ["_root_change", "_model_note", "_chain", "_counter", "_hot", "_table_page", "_run", "_function", "_activity", "_table_memory", "_walk_count", "_tally", "_verdict", "_guest_entry", "_guest_page"];

    /// <summary>Sorting them costs nothing.</summary>
    private static readonly string[] Short = ["model_note", "verdict", "guest_entry"];

    /// <summary>Searches that have no index, and of which the page says so.</summary>
    private static readonly (string View, string Column)[] Walked =
        [("page_operation", "fault_id"), ("rmap_change", "fault_id"), ("tlb_flush", "fault_id"), ("page_operation", "gfn"), ("rmap_change", "table_id"), ("guest_fault", "gva")];

    private readonly TempDirectory _directory = new();

    public static TheoryData<string, string, string> Questions
    {
        get
        {
            var data = new TheoryData<string, string, string>();
            foreach (var view in ViewDefinition.All.Where(view => view.Name != "event" && Has(view, "run")))
            {
                if (Has(view, "ordinal"))
                {
                    var order = Has(view, "seq") ? "ordinal, seq" : "ordinal";
                    data.Add(view.Name, "", order);
                    data.Add(view.Name, "ordinal BETWEEN 5 AND 9", order);
                    data.Add(view.Name, "ordinal > 5", "ordinal DESC");
                }

                foreach (var column in Searched.Where(column => Has(view, column)))
                    data.Add(view.Name, $"{column} = 5", "");
            }

            return data;
        }
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Questions))]
    public void A_documented_question_walks_no_long_table_and_sorts_nothing(string view, string filter, string order)
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
            store.Complete(new RunSummary { HistoryHash = "0" });
        using var database = Database.OpenRead(path);
        var sql = $"EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE run = 1{(filter.Length > 0 ? " AND " + filter : "")}{(order.Length > 0 ? $" ORDER BY {order} LIMIT 5" : "")}";
        using var execution = new QueryRunner(database).Execute(sql, cancellation: TestContext.Current.CancellationToken);
        execution.NextResult();
        var plan = new List<string>();
        while (execution.Read())
            plan.Add(execution[3].ToString());
        var text = $"{sql}\n{string.Join('\n', plan)}";
        Assert.False(order.Length > 0 && !Short.Contains(view) && text.Contains("USE TEMP B-TREE FOR ORDER BY", StringComparison.Ordinal), text);
        Assert.False(plan.Exists(step => step.StartsWith("SCAN", StringComparison.Ordinal) && !Array.Exists(Small, name => step.Contains(name, StringComparison.Ordinal))), text);
        if (order.Length > 0)
            return;
        // The view's own table stands first.
        var isWalk = plan[0].EndsWith("(run=?)", StringComparison.Ordinal) && !Array.Exists(Small, name => plan[0].Contains(name, StringComparison.Ordinal));
        var column = filter.Split(' ')[0];
        Assert.True(isWalk == Walked.Contains((view, column)), text);
        if (isWalk)
            Assert.Matches($"`{column}` in [^;]*`{view}`", SchemaDocs.Markdown());
    }

    private static bool Has(ViewDefinition view, string column) => view.Columns.Any(each => each.Name == column);
}
