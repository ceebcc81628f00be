using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

/// <summary>A question as one would write it at first has the right answer: a run by its name, joins within each run.</summary>
public sealed class MeantQueryTests(WorkloadDatabases workloads) : IClassFixture<WorkloadDatabases>
{
    private static readonly List<(long Run, string Name)> Known = [(1, "ept"), (2, "shadow"), (3, "shadow-2")];

    [Theory]
    [InlineData("SELECT * FROM fault WHERE run = 'ept'", "SELECT * FROM fault WHERE run = 1")]
    [InlineData("SELECT * FROM fault AS f WHERE f.run == 'shadow' -- 'ept'", "SELECT * FROM fault AS f WHERE f.run == 2 -- 'ept'")]
    [InlineData("SELECT * FROM fault WHERE 'shadow' = run", "SELECT * FROM fault WHERE 2 = run")]
    [InlineData("SELECT * FROM fault WHERE run IN ('ept', 'shadow')", "SELECT * FROM fault WHERE run IN (1, 2)")]
    [InlineData("SELECT * FROM fault WHERE run NOT IN ('ept')", "SELECT * FROM fault WHERE run NOT IN (1)")]
    [InlineData("SELECT * FROM fault WHERE run <> 'ept' AND run IS NOT \"shadow\"", "SELECT * FROM fault WHERE run <> 1 AND run IS NOT 2")]
    [InlineData("SELECT * FROM fault WHERE run = ept AND level = 1", "SELECT * FROM fault WHERE run = 1 AND level = 1")]
    [InlineData("SELECT * FROM fault WHERE run=shadow-2 OR run IN (ept, shadow)", "SELECT * FROM fault WHERE run=3 OR run IN (1, 2)")]
    public void A_run_is_found_by_its_name(string sql, string meant) => Assert.Equal(meant, Meant(sql).Sql);

    [Theory]
    [InlineData("SELECT * FROM fault WHERE run = 1 OR run = '1'")]
    [InlineData("SELECT * FROM run WHERE name = 'ept'")]
    [InlineData("SELECT * FROM (SELECT name AS run FROM run) WHERE run = 'ept'")]
    [InlineData("SELECT 'run = ''ept''' FROM run")]
    [InlineData("SELECT * FROM fault AS f JOIN vm_exit AS ept USING (run, exit_id) WHERE f.run = ept.run")]
    [InlineData("SELECT * FROM fault WHERE run = level OR run = epx")]
    public void What_is_no_name_of_a_run_stays(string sql)
    {
        Assert.Equal(sql, Meant(sql).Sql);
        Assert.Empty(Meant(sql).Notes);
    }

    [Fact]
    public void A_run_that_is_none_is_asked_back() =>
        Assert.Equal("there is no run 'shadwo', but 1 (ept), 2 (shadow), 3 (shadow-2). Did you mean 'shadow'?", Assert.Throws<QueryException>(() => Meant("SELECT * FROM fault WHERE run = 'shadwo'")).Message);

    [Fact]
    public void A_name_that_several_runs_have_is_all_of_them()
    {
        List<(long, string)> runs = [(1, "ept"), (7, "ept"), (9, "npt")];
        Assert.Equal("SELECT * FROM fault WHERE run IN (1, 7)", MeantQuery.Of("SELECT * FROM fault WHERE run='ept'", () => runs).Sql);
        Assert.Equal("SELECT * FROM fault WHERE run NOT IN (1, 7)", MeantQuery.Of("SELECT * FROM fault WHERE run!='ept'", () => runs).Sql);
    }

    [Fact]
    public void A_parameter_may_be_the_name_of_a_run() =>
        Assert.Equal(2, MeantQuery.Of("SELECT * FROM fault WHERE run = :r", () => Known, new Dictionary<string, SqlValue> { ["r"] = SqlValue.Of("shadow") }).Parameters["r"].Integer);

    [Theory]
    [InlineData("SELECT 1 FROM fault JOIN vm_exit USING (ordinal)", "SELECT 1 FROM fault JOIN vm_exit USING (run, ordinal)")]
    [InlineData("SELECT 1 FROM fault AS f LEFT JOIN vm_exit AS e ON f.exit_id = e.exit_id", "SELECT 1 FROM fault AS f LEFT JOIN vm_exit AS e ON f.run = e.run AND f.exit_id = e.exit_id")]
    [InlineData("SELECT 1 FROM fault f, table_write w WHERE w.seq BETWEEN f.seq AND f.end_seq", "SELECT 1 FROM fault f, table_write w WHERE w.run = f.run AND w.seq BETWEEN f.seq AND f.end_seq")]
    [InlineData("SELECT 1 FROM fault a JOIN vm_exit e USING (exit_id) JOIN table_write w ON w.fault_id = a.fault_id WHERE a.run = 2",
        "SELECT 1 FROM fault a JOIN vm_exit e USING (run, exit_id) JOIN table_write w ON w.run = a.run AND w.fault_id = a.fault_id WHERE a.run = 2")]
    [InlineData("SELECT f.run, e.run FROM fault f JOIN vm_exit e ON f.exit_id = e.exit_id", "SELECT f.run, e.run FROM fault f JOIN vm_exit e ON f.run = e.run AND f.exit_id = e.exit_id")]
    [InlineData("SELECT (SELECT count(*) FROM table_write WHERE fault_id = f.fault_id) FROM fault f", "SELECT (SELECT count(*) FROM table_write WHERE table_write.run = f.run AND fault_id = f.fault_id) FROM fault f")]
    [InlineData("SELECT 1 FROM fault WHERE fault_id NOT IN (SELECT fault_id FROM table_write WHERE level = 4)", "SELECT 1 FROM fault WHERE (fault.run, fault_id ) NOT IN (SELECT run, fault_id FROM table_write WHERE level = 4)")]
    public void A_join_is_within_each_run(string sql, string meant)
    {
        Assert.Equal(meant, Meant(sql).Sql);
        Assert.StartsWith("joined within each run", Assert.Single(Meant(sql).Notes), StringComparison.Ordinal);
        Assert.Empty(MeantQuery.Of(sql, () => [(1, "ept")]).Notes);
    }

    [Theory]
    [InlineData("SELECT 1 FROM fault AS f JOIN vm_exit AS e USING (run, exit_id)")]
    [InlineData("SELECT 1 FROM fault AS a JOIN fault AS b USING (ordinal) WHERE a.run = 1 AND b.run = 2")]
    [InlineData("SELECT 1 FROM fault AS a JOIN fault AS b ON a.ordinal = b.ordinal AND a.run < b.run")]
    [InlineData("SELECT 1 FROM fault WHERE run = 2 AND ordinal NOT IN (SELECT ordinal FROM fault WHERE run = 1)")]
    [InlineData("WITH a AS (SELECT * FROM fault WHERE run = 1), b AS (SELECT * FROM fault WHERE run = 2) SELECT 1 FROM a JOIN b USING (ordinal)")]
    [InlineData("SELECT 1 FROM fault AS f JOIN run AS r USING (run) WHERE r.name = 'ept'")]
    [InlineData("SELECT 1 FROM fault f WHERE f.run = 2 AND NOT EXISTS (SELECT 1 FROM fault o WHERE o.run = 1 AND o.ordinal = f.ordinal)")]
    [InlineData("SELECT EXISTS (SELECT 1 FROM fault o WHERE o.run = 1 AND o.ordinal = f.ordinal) FROM fault f WHERE f.run = 2")]
    [InlineData("SELECT EXISTS (SELECT 1 FROM fault WHERE fault.run = 1 AND fault.ordinal = f.ordinal) FROM fault f WHERE run = 2")]
    public void What_says_its_runs_stays(string sql)
    {
        Assert.Equal(sql, Meant(sql).Sql);
        Assert.Empty(Meant(sql).Notes);
    }

    [Theory]
    [InlineData("SELECT count(*) FROM fault WHERE run = 'shadow'", "SELECT count(*) FROM fault WHERE run = 4")]
    [InlineData("SELECT count(*) FROM fault JOIN vm_exit USING (ordinal) WHERE run = 'shadow'", "SELECT count(*) FROM fault f JOIN vm_exit e ON f.run = e.run AND f.ordinal = e.ordinal WHERE f.run = 4")]
    [InlineData("SELECT count(*), sum(w.level) FROM table_write w JOIN fault f USING (fault_id)", "SELECT count(*), sum(level) FROM table_write WHERE fault_id IS NOT NULL")]
    [InlineData("SELECT count(*) FROM table_write w JOIN vm_exit e ON w.exit_id = e.exit_id", "SELECT count(*) FROM table_write WHERE exit_id IS NOT NULL")]
    [InlineData("SELECT count(*) FROM table_write w, table_page p WHERE w.table_id = p.table_id", "SELECT count(*) FROM table_write")]
    [InlineData("SELECT count(*) FROM fault WHERE fault_id IN (SELECT fault_id FROM table_write WHERE level = 1)", "SELECT count(DISTINCT run << 40 | fault_id) FROM table_write WHERE level = 1")]
    public void The_natural_question_has_the_right_answer(string natural, string exact)
    {
        using var database = workloads.Open("page-table-churn");
        Assert.True(database.Runs.Count > 1);
        Assert.Equal(Answer(database, exact), Answer(database, MeantQuery.Of(natural, database).Sql));
        Assert.NotEqual("0", Answer(database, exact)[0]);
    }

    private static MeantQuery Meant(string sql) => MeantQuery.Of(sql, () => Known);

    private static List<string> Answer(Database database, string sql)
    {
        using var rows = new QueryRunner(database).Execute(sql, cancellation: TestContext.Current.CancellationToken);
        Assert.True(rows.NextResult() && rows.Read());
        return [.. Enumerable.Range(0, rows.Columns.Count).Select(i => rows[i].ToString())];
    }
}
