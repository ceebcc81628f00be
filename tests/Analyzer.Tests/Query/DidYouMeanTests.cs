using Replay.Analyzer.Query;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

/// <summary>What is told about names that are none, and about SQL that asks something else than it seems to.</summary>
public sealed class DidYouMeanTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("levle", "level idx gfn", "level")]
    [InlineData("writes", "table_write fault run", "table_write")]
    [InlineData("table_wirte", "table_write table_page", "table_write")]
    [InlineData("EPT", "ept npt shadow", "ept")]
    [InlineData("lvl", "idx level lowest_level gfn", "level")]
    [InlineData("tbl", "level table_id idx gfn", "table_id")]
    [InlineData("tbl_id", "level table table_name table_id", "table_id")]
    [InlineData("fnc", "gfn idx function first_function", "function")]
    [InlineData("ord", "first_ordinal ordinal or_not", "ordinal")]
    [InlineData("addr", "access address first_address", "address")]
    [InlineData("xyz", "level table_id idx gfn", "")]
    [InlineData("entirely-else", "ept npt shadow", "")]
    public void A_name_that_is_none_is_asked_back_with_those_like_it(string wrong, string known, string first) =>
        Assert.Equal(first, DidYouMean.Near(wrong, known.Split(' ')).FirstOrDefault(""));

    [Fact]
    public void Letters_that_were_left_out_are_thought_of_beside_a_letter_that_was_changed() =>
        Assert.Equal(["gfn", "function"], DidYouMean.Near("fn", ["level", "function", "gfn", "first_function"]));

    [Fact]
    public void A_column_that_is_none_is_answered_with_one_that_is()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var problem = Assert.Throws<QueryException>(() => new QueryRunner(database).Execute("SELECT w.levle FROM table_write AS w", cancellation: TestContext.Current.CancellationToken).NextResult());
        Assert.Contains("no such column: w.levle. Did you mean 'level'?", problem.Message, StringComparison.Ordinal);
        problem = Assert.Throws<QueryException>(() => new QueryRunner(database).Execute("SELECT lvl FROM table_write", cancellation: TestContext.Current.CancellationToken).NextResult());
        Assert.Contains("no such column: lvl. Did you mean 'level'", problem.Message, StringComparison.Ordinal);
    }
}
