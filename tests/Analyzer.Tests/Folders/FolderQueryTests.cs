using System.Globalization;
using DuckDB.NET.Data;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Tests.Folders;

/// <summary>DuckDB over a folder of Parquet answers as SQLite does over a database of the same runs: every view, every canned query.</summary>
public sealed class FolderQueryTests(WorkloadFolder folders) : IClassFixture<WorkloadFolder>
{
    private static readonly string[] Workloads = ["unsync-churn", "mmio", WorkloadFolder.Nested];

    private const string BusiestTable = "SELECT table_id FROM table_write WHERE run = :run GROUP BY table_id ORDER BY count(*) DESC, table_id LIMIT 1";
    private const string BusiestEntry = $"SELECT idx FROM table_write WHERE run = :run AND table_id = ({BusiestTable}) GROUP BY idx ORDER BY count(*) DESC, idx LIMIT 1";

    public static TheoryData<string, string> Views { get; } =
        [.. Workloads.SelectMany(workload => ViewDefinition.All.Where(view => view.Name is not ("guest_cr3" or "trace_of")).Select(view => (workload, view.Name)))];

    public static TheoryData<string, string> Queries { get; } =
        [.. Workloads.SelectMany(workload => CannedQueries.All.Where(query => !query.NeedsDatabase).Select(query => (workload, query.Name)))];

    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_has_the_same_rows(string workload, string view)
    {
        var (database, folder, connection, numbers) = folders.Open(workload);
        var sql = $"SELECT * FROM {view}";
        var expected = WorkloadFolder.Rows(new QueryRunner(database).Execute(sql, cancellation: TestContext.Current.CancellationToken), view == "run" ? null : numbers);
        var actual = WorkloadFolder.Rows(new FolderRunner(connection, folder).Execute(sql, cancellation: TestContext.Current.CancellationToken));
        if (view == "run")
        {
            // The number, and where the capture lay, are this database's.
            expected = [.. expected.Select(row => row.Replace("/home/somebody/", "", StringComparison.Ordinal)).Select(WithoutNumber)];
            actual = [.. actual.Select(WithoutNumber)];
        }

        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Queries))]
    public void A_canned_query_has_the_same_answer(string workload, string name)
    {
        var (database, folder, connection, numbers) = folders.Open(workload);
        var query = CannedQueries.Find(name);
        var answers = 0;
        foreach (var (run, number) in numbers)
        {
            var arguments = Arguments(query, new QueryRunner(database), run);
            var expected = WorkloadFolder.Rows(new QueryRunner(database).Execute(query, arguments, cancellation: TestContext.Current.CancellationToken), name == "runs" ? null : numbers);
            var there = arguments.ToDictionary(pair => pair.Key, pair => query.Parameters.Single(parameter => parameter.Name == pair.Key).Type == CannedParameterType.Run
                ? numbers[long.Parse(pair.Value, CultureInfo.InvariantCulture)].ToString(CultureInfo.InvariantCulture)
                : pair.Value);
            var actual = WorkloadFolder.Rows(new FolderRunner(connection, folder).Execute(query, there, cancellation: TestContext.Current.CancellationToken));
            if (name is "runs" or "counters")
            {
                // Of all runs, in the order of their numbers.
                expected = [.. expected.Select(row => name == "runs" ? WithoutNumber(row.Replace("/home/somebody/", "", StringComparison.Ordinal)) : row).Order(StringComparer.Ordinal)];
                actual = [.. actual.Select(row => name == "runs" ? WithoutNumber(row) : row).Order(StringComparer.Ordinal)];
            }

            Assert.Equal(expected, actual);
            answers += actual.Count;
        }

        // The synthetic guests have no guests of their own.
        Assert.True(answers > 0 || (name.StartsWith("nested-", StringComparison.Ordinal) && workload != WorkloadFolder.Nested) || (workload, name) is ("mmio", "dirty-log-cost" or "unsync-churn" or "zap-victims" or "zaps" or "refault-storms") or ("unsync-churn", "zap-victims"), "nothing was compared");
    }

    /// <summary>Of a run, what it has something to tell of.</summary>
    private static Dictionary<string, string> Arguments(CannedQuery query, QueryRunner runner, long run)
    {
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var parameter in query.Parameters)
        {
            var value = (query.Name, parameter.Name) switch
            {
                (_, "run" or "a") => run.ToString(CultureInfo.InvariantCulture),
                (_, "b") => One("SELECT max(run) FROM run WHERE run >= :run"),
                (_, "table_id") => One(BusiestTable),
                (_, "idx") => One(BusiestEntry),
                (_, "gfn") => One("SELECT gfn FROM table_write WHERE run = :run AND level = 1 GROUP BY gfn ORDER BY count(*) DESC, gfn LIMIT 1"),
                ("nested-mapping-at", "gva") => One("SELECT gva FROM fault WHERE run = :run AND guest = 'L2' AND gva IS NOT NULL ORDER BY ordinal DESC LIMIT 1"),
                (_, "gva") => One("SELECT gva FROM fault WHERE run = :run ORDER BY ordinal DESC LIMIT 1"),
                (_, "address") => One("SELECT address FROM fault WHERE run = :run AND outcome = 'fixed' ORDER BY ordinal DESC LIMIT 1"),
                (_, "from") => One("SELECT gpa FROM access WHERE run = :run AND kind = 'write' ORDER BY ordinal LIMIT 1"),
                ("zap-victims", "ordinal") => One("SELECT coalesce((SELECT ordinal FROM page_operation WHERE run = :run AND operation = 'zap' ORDER BY ordinal LIMIT 1), 0)"),
                ("nested-mapping-at", "ordinal") => One("SELECT coalesce(max(ordinal), 0) FROM fault WHERE run = :run AND guest = 'L2' AND gva IS NOT NULL"),
                ("entry-at" or "table-at" or "why-entry", "ordinal") => One($"SELECT min(ordinal) FROM table_write WHERE run = :run AND table_id = ({BusiestTable}) AND idx = ({BusiestEntry})"),
                (_, "ordinal") => One("SELECT ordinal FROM table_write WHERE run = :run ORDER BY ordinal, seq LIMIT 1 OFFSET 30"),
                _ => null,
            };
            if (value is not null)
                arguments.Add(parameter.Name, value);
        }

        return arguments;

        string One(string sql)
        {
            using var execution = runner.Execute(sql, new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = SqlValue.Of(run) }, cancellation: TestContext.Current.CancellationToken);
            execution.NextResult();
            return execution.Read() ? execution[0].ToString() : "0";
        }
    }

    private static string WithoutNumber(string row) => row[row.IndexOf('|', StringComparison.Ordinal)..];

    [Theory]
    [InlineData("COPY (SELECT 1) TO '/tmp/replay-copied.csv'", "statements that write")]
    [InlineData("EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/replay-copied.csv'", "statements that write")]
    [InlineData("SELECT 1; DROP VIEW run", "statements that write")]
    [InlineData("ATTACH '/tmp/x.db'", "ATTACH")]
    [InlineData("SET enable_external_access = true", "SET")]
    [InlineData("INSTALL httpfs", "INSTALL")]
    [InlineData("SELECT * FROM '/etc/passwd.csv'", "disabled by configuration")]
    [InlineData("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration")]
    [InlineData("SELECT * FROM '/etc/passwd'", "does not exist")]
    public void A_query_may_only_read_and_only_the_folder(string sql, string why)
    {
        var (_, folder, connection, _) = folders.Open("mmio");
        var error = Assert.Throws<QueryException>(() => WorkloadFolder.Rows(new FolderRunner(connection, folder).Execute(sql, cancellation: TestContext.Current.CancellationToken)));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_limit_of_rows_or_time_ends_a_query_and_says_so()
    {
        var (_, folder, connection, _) = folders.Open("mmio");
        var runner = new FolderRunner(connection, folder);
        using (var execution = runner.Execute("SELECT seq FROM table_write", limits: new QueryLimits { Rows = 3 }, cancellation: TestContext.Current.CancellationToken))
        {
            execution.NextResult();
            while (execution.Read())
            {
            }

            Assert.Equal((3, QueryEnd.RowLimit), (execution.RowCount, execution.End));
        }

        const string Endless = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        using var slow = runner.Execute(Endless, limits: new QueryLimits { Time = TimeSpan.FromMilliseconds(300) }, cancellation: TestContext.Current.CancellationToken);
        slow.NextResult();
        Assert.False(slow.Read());
        Assert.Equal(QueryEnd.TimeLimit, slow.End);
    }

    [Fact]
    public void The_views_that_lie_in_the_folder_need_nothing_but_DuckDB()
    {
        var (database, folder, _, _) = folders.Open("mmio");
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        using var command = duck.CreateCommand();
        command.CommandText = $"SET file_search_path = '{folder}'; {File.ReadAllText(Path.Combine(folder, "views.sql"))}";
        command.ExecuteNonQuery();
        foreach (var view in ViewDefinition.All.Select(view => view.Name).Where(name => name is not ("guest_cr3" or "trace_of")))
        {
            command.CommandText = $"SELECT count(*) FROM (SELECT * FROM {view})";
            var expected = WorkloadFolder.Rows(new QueryRunner(database).Execute($"SELECT count(*) FROM {view}", cancellation: TestContext.Current.CancellationToken));
            Assert.Equal((view, expected[0]), (view, $"{command.ExecuteScalar()}"));
        }
    }

    [Fact]
    public void A_wrong_name_gets_the_names_that_are_like_it()
    {
        var (_, folder, connection, _) = folders.Open("mmio");
        var error = Assert.Throws<QueryException>(() => WorkloadFolder.Rows(new FolderRunner(connection, folder).Execute("SELECT functoin FROM table_write", cancellation: TestContext.Current.CancellationToken)));
        Assert.Contains("function", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_written_in_hexadecimal_is_the_one_that_SQLite_has()
    {
        var (database, folder, connection, _) = folders.Open("mmio");
        const string Sql = "SELECT count(*), sum(gva < 0), 0xffff800000000000, 7 / 2, printf('0x%x', -1) FROM fault WHERE gva >= 0xffff800000000000";
        Assert.Equal(
            WorkloadFolder.Rows(new QueryRunner(database).Execute(Sql, cancellation: TestContext.Current.CancellationToken)),
            WorkloadFolder.Rows(new FolderRunner(connection, folder).Execute(Sql, cancellation: TestContext.Current.CancellationToken)));
    }
}
