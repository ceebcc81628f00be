using System.Text.RegularExpressions;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Tests;

public sealed partial class CannedQueryTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    /// <summary>Each canned query with the arguments it gets in the golden test.</summary>
    public static TheoryData<string, string> Cases { get; } = new()
    {
        { "counters", "" },
        { "diff-summary", "a=ept b=ept" },
        { "dirty-log-cost", "" },
        { "divergences", "" },
        { "entry-at", "table_id=4 idx=0x100 ordinal=20" },
        { "exits-by-reason", "" },
        { "fault-latency", "" },
        { "faults-by-function", "" },
        { "faults-by-process", "" },
        { "faults-by-rip", "" },
        { "first-writes", "" },
        { "flushes-by-cause", "" },
        { "hot-entries", "top=3" },
        { "hot-gfns", "top=3" },
        { "hot-tables", "by=writes top=2" },
        { "mapping-at", "address=0x101000 ordinal=20" },
        { "nested-cost", "" },
        { "nested-exits", "" },
        { "nested-flushes", "" },
        { "nested-mapping-at", "gva=0x101000" },
        { "pml4-at", "ordinal=10" },
        { "refault-storms", "" },
        { "refaults", "" },
        { "runs", "" },
        { "table-at", "table_id=4 ordinal=30" },
        { "table-memory", "steps=5" },
        { "timeline", "steps=5" },
        { "unsync-churn", "" },
        { "what-happened-at", "ordinal=10" },
        { "who-zapped", "gfn=0x100" },
        { "why-entry", "table_id=4 idx=0x101" },
        { "why-gfn", "gfn=0x100" },
        { "why-gva", "gva=0xffff888000100fff" },
        { "write-protect-churn", "" },
        { "write-protected", "" },
        { "writes-by-level", "run=ept" },
        { "writes-over-time", "steps=5" },
        { "writes-to-range", "from=0x100000 to=0x100fff" },
        { "zap-victims", "ordinal=50" },
        { "zaps", "" },
    };

    public static TheoryData<string> Names => [.. CannedQueries.All.Select(query => query.Name)];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_canned_query_answers_for_the_sample_as_expected(string name, string arguments)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var runner = new QueryRunner(database);
        var values = arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        using var output = new StringWriter();
        using (var execution = runner.Execute(CannedQueries.Find(name), values, cancellation: TestContext.Current.CancellationToken))
            new CsvFormat().WriteAll(execution, output);
        Golden.Equal($"{name}.csv", output.ToString());
    }

    [Fact]
    public void Every_canned_query_has_a_golden_answer() =>
        Assert.Equal(CannedQueries.All.Select(query => query.Name), Cases.Select(row => row.Data.Item1).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_canned_query_declares_exactly_the_parameters_it_uses(string name)
    {
        var query = CannedQueries.Find(name);
        var used = ParameterUse().Matches(Body(query)).Select(match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(query.Parameters.Select(parameter => parameter.Name).Order(StringComparer.Ordinal), used);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_canned_query_reads_public_views_only(string name) => Assert.DoesNotMatch(PrivateName(), Body(CannedQueries.Find(name)));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_canned_query_says_what_it_answers(string name)
    {
        var query = CannedQueries.Find(name);
        Assert.NotEmpty(query.Title);
        Assert.EndsWith(".", query.Description, StringComparison.Ordinal);
        Assert.All(query.Parameters, parameter => Assert.EndsWith(".", parameter.Description, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_canned_query_says_why_it_may_have_no_rows(string name)
    {
        var query = CannedQueries.Find(name);
        Assert.NotEmpty(query.WhenEmpty);
        Assert.Null(query.WhenEmpty[^1].Condition);
        Assert.All(query.WhenEmpty.SkipLast(1), reason => Assert.NotNull(reason.Condition));
        Assert.All(query.WhenEmpty, reason => Assert.EndsWith(".", reason.Text, StringComparison.Ordinal));
        Assert.All(query.WhenEmpty, reason => Assert.DoesNotMatch(PrivateName(), reason.Condition ?? ""));
        // Of the sample, each that has none says so in words that its file has.
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var runner = new QueryRunner(database);
        var values = Cases.Single(row => row.Data.Item1 == name).Data.Item2.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Contains(EmptyAnswer.Explain(query, values, runner, database), query.WhenEmpty.Select(reason => reason.Text));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_canned_query_says_which_of_its_columns_answer(string name)
    {
        var query = CannedQueries.Find(name);
        Assert.NotEmpty(query.Answer);
        Assert.Distinct(query.Answer);
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var values = Cases.Single(row => row.Data.Item1 == name).Data.Item2.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        using var execution = new QueryRunner(database).Execute(query, values, cancellation: TestContext.Current.CancellationToken);
        Assert.True(execution.NextResult());
        Assert.Subset(execution.Columns.ToHashSet(), query.Answer.ToHashSet());
    }

    [Theory]
    [InlineData("hot-gfns", "@hot-gfns")]
    [InlineData(" hot-gfns top=5 -p run=ept; ", "@hot-gfns")]
    [InlineData("hot-gfn", "@hot-gfns")]
    [InlineData("runs", "@runs")]
    public void A_name_without_its_sign_is_told(string sql, string meant)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var error = Assert.Throws<QueryException>(() => MeantQuery.Of(sql, database));
        Assert.Contains($"Did you mean {meant}", error.Message, StringComparison.Ordinal);
        Assert.Contains("is no SQL", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SELECT 1")]
    [InlineData("SELECT")]
    [InlineData("runs.x = 1")]
    [InlineData("")]
    public void What_is_no_name_is_SQL(string sql) => CannedQueries.RefuseName(sql);

    [Fact]
    public void A_wrong_name_gets_the_names_that_are_like_it()
    {
        var error = Assert.Throws<QueryException>(() => CannedQueries.Find("@hot-gfn"));
        Assert.Contains("@hot-gfns", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_or_unknown_parameter_is_named()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var runner = new QueryRunner(database);
        var query = CannedQueries.Find("entry-at");
        Assert.Contains("idx", Fails([new("table_id", "1")]), StringComparison.Ordinal);
        Assert.Contains("colour", Fails([new("colour", "red")]), StringComparison.Ordinal);
        Assert.Contains("'one'", Fails([new("table_id", "1"), new("idx", "one")]), StringComparison.Ordinal);
        Assert.Contains("no run shadow", Fails([new("run", "shadow"), new("table_id", "1"), new("idx", "1")]), StringComparison.Ordinal);

        string Fails(KeyValuePair<string, string>[] arguments) =>
            Assert.Throws<QueryException>(() => runner.Execute(query, new Dictionary<string, string>(arguments), cancellation: TestContext.Current.CancellationToken).Dispose()).Message;
    }

    [Fact]
    public void A_file_without_a_title_is_refused() =>
        Assert.Throws<FormatException>(() => CannedQueries.Parse(new SqlFile("x", "-- description: Nothing.\nSELECT 1;")));

    private static string Body(CannedQuery query) =>
        string.Join('\n', query.Sql.Split('\n').Where(line => !line.StartsWith("--", StringComparison.Ordinal)))
        + string.Join('\n', query.Parameters.Select(parameter => parameter.Default));

    [GeneratedRegex(@":(\w+)")]
    private static partial Regex ParameterUse();

    [GeneratedRegex(@"(FROM|JOIN)\s+_")]
    private static partial Regex PrivateName();
}
