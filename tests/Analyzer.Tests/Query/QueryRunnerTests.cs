using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

public sealed class QueryRunnerTests : IDisposable
{
    private const string Runaway = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    private readonly TempDirectory _directory = new();
    private readonly Database _database;
    private readonly QueryRunner _runner;

    public QueryRunnerTests()
    {
        _database = SampleHistory.Store(_directory.File("x.db"));
        _runner = new QueryRunner(_database);
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void A_kept_statement_answers_again_with_other_values_also_while_it_is_read_and_after_it_was_left()
    {
        Assert.Equal([1, 2, 3], Kept(3));
        Assert.Equal([1, 2], Kept(2));
        using (var first = Numbers(5))
        {
            Assert.True(first.NextResult() && first.Read());
            Assert.Equal([1, 2, 3, 4], Kept(4));
            Assert.True(first.Read());
            Assert.Equal(2, first.Integer(0));
        }

        Assert.Equal([1], Kept(1));
        Assert.Contains("needs parameter last", Assert.Throws<QueryException>(() => Kept(null)).Message, StringComparison.Ordinal);
        Assert.Equal([1, 2], Kept(2));

        List<long> Kept(int? last)
        {
            using var execution = Numbers(last);
            Assert.True(execution.NextResult());
            var numbers = new List<long>();
            while (execution.Read())
                numbers.Add(execution.Integer(0));
            Assert.False(execution.NextResult());
            return numbers;
        }

        QueryExecution Numbers(int? last) => _runner.ExecuteKept(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT :last",
            last is { } value ? new Dictionary<string, SqlValue> { ["last"] = SqlValue.Of(value) } : [],
            QueryLimits.None,
            TestContext.Current.CancellationToken);
    }

    [Fact]
    public void What_may_not_be_read_is_refused_of_a_kept_statement_too_each_time()
    {
        for (var time = 0; time < 2; time++)
        {
            using var execution = _runner.ExecuteKept("DELETE FROM _run", new Dictionary<string, SqlValue>(), QueryLimits.None, TestContext.Current.CancellationToken);
            Assert.StartsWith("a query may only read:", Assert.Throws<QueryException>(() => execution.NextResult()).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("ATTACH 'other.db' AS other", "ATTACH")]
    [InlineData("DETACH main", "DETACH")]
    [InlineData("DELETE FROM _run", "write")]
    [InlineData("UPDATE _run SET complete = 1", "write")]
    [InlineData("CREATE TEMP TABLE t (a)", "write")]
    [InlineData("DROP VIEW run", "write")]
    [InlineData("PRAGMA writable_schema = 1", "PRAGMA writable_schema")]
    [InlineData("PRAGMA user_version = 9", "PRAGMA user_version")]
    [InlineData("BEGIN", "transactions")]
    [InlineData("SELECT load_extension('x')", "load_extension")]
    [InlineData("VACUUM INTO 'copy.db'", "ATTACH")]
    public void A_query_may_only_read(string sql, string refused)
    {
        var error = Assert.Throws<QueryException>(() => All(sql));
        Assert.StartsWith("a query may only read:", error.Message, StringComparison.Ordinal);
        Assert.Contains(refused, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PRAGMA table_info(run)")]
    [InlineData("SELECT name FROM pragma_table_info('run')")]
    [InlineData("PRAGMA user_version")]
    [InlineData("EXPLAIN QUERY PLAN SELECT * FROM table_write WHERE run = 1")]
    [InlineData("SELECT name FROM sqlite_schema")]
    [InlineData(" -- only looking\n SELECT count(*) FROM run; -- done")]
    public void A_query_may_look_at_the_schema(string sql) => Assert.NotEmpty(All(sql));

    [Fact]
    public async Task A_runaway_query_stops_when_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        var query = Task.Run(() => AllUntil(Runaway, null, cancellation.Token), TestContext.Current.CancellationToken);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.False(query.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => query.WaitAsync(Hang.Limit, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_token_cancelled_beforehand_stops_it_as_well()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => AllUntil(Runaway, null, cancellation.Token));
    }

    [Fact]
    public void The_time_limit_ends_a_query_and_is_told()
    {
        using var execution = _runner.Execute(Runaway, limits: new QueryLimits { Time = TimeSpan.FromMilliseconds(100) }, cancellation: TestContext.Current.CancellationToken);
        Assert.True(execution.NextResult());
        Assert.False(execution.Read());
        Assert.Equal(QueryEnd.TimeLimit, execution.End);
    }

    [Fact]
    public void The_row_limit_is_told_only_where_there_are_more_rows()
    {
        Assert.Equal((2, QueryEnd.RowLimit), Count("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"));
        Assert.Equal((2, QueryEnd.Complete), Count("SELECT 1 UNION ALL SELECT 2"));

        (int Rows, QueryEnd End) Count(string sql)
        {
            using var execution = _runner.Execute(sql, limits: new QueryLimits { Rows = 2 }, cancellation: TestContext.Current.CancellationToken);
            execution.NextResult();
            var rows = 0;
            while (execution.Read())
                rows++;
            return (rows, execution.End);
        }
    }

    [Fact]
    public void The_runner_works_on_after_an_interrupt()
    {
        using var cancellation = new CancellationTokenSource(50);
        Assert.ThrowsAny<OperationCanceledException>(() => AllUntil(Runaway, null, cancellation.Token));
        Assert.Equal([["1"]], All("SELECT count(*) FROM run"));
    }

    [Fact]
    public void Several_statements_give_several_results() =>
        Assert.Equal([["1"], ["2"], ["x"]], All("SELECT 1; SELECT 2; SELECT :a", new() { ["a"] = SqlValue.Of("x") }));

    [Fact]
    public void Two_runners_of_a_connection_both_tell_what_was_refused()
    {
        var first = new QueryRunner(_database, (address, _) => $"f{address}");
        var second = new QueryRunner(_database);
        foreach (var runner in (QueryRunner[])[first, second])
        {
            using var execution = runner.Execute("PRAGMA journal_mode = WAL", cancellation: TestContext.Current.CancellationToken);
            Assert.Contains("PRAGMA journal_mode is refused", Assert.Throws<QueryException>(() => execution.NextResult()).Message, StringComparison.Ordinal);
        }

        using var rows = first.Execute("SELECT symbol(1)", cancellation: TestContext.Current.CancellationToken);
        Assert.True(rows.NextResult() && rows.Read());
        Assert.Equal("f1", rows[0].ToString());
    }

    [Fact]
    public void A_parameter_that_is_missing_or_not_used_is_named()
    {
        Assert.Contains("gfn", Assert.Throws<QueryException>(() => All("SELECT :gfn")).Message, StringComparison.Ordinal);
        Assert.Contains("gfn", Assert.Throws<QueryException>(() => All("SELECT 1", new() { ["gfn"] = SqlValue.Of(1) })).Message, StringComparison.Ordinal);
        Assert.Contains("without a name", Assert.Throws<QueryException>(() => All("SELECT ?")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELEC 1", "syntax error")]
    [InlineData("SELECT * FROM no_such_view", "no_such_view")]
    [InlineData("", "no SQL given")]
    public void A_wrong_statement_gives_one_line(string sql, string expected)
    {
        var message = Assert.Throws<QueryException>(() => All(sql)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private List<string[]> All(string sql, Dictionary<string, SqlValue>? parameters = null) =>
        AllUntil(sql, parameters, TestContext.Current.CancellationToken);

    private List<string[]> AllUntil(string sql, Dictionary<string, SqlValue>? parameters, CancellationToken cancellation)
    {
        var all = new List<string[]>();
        using var execution = _runner.Execute(sql, parameters, cancellation: cancellation);
        while (execution.NextResult())
        {
            while (execution.Read())
                all.Add([.. Enumerable.Range(0, execution.Columns.Count).Select(i => execution[i].ToString())]);
        }

        return all;
    }
}
