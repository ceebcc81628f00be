using Replay.Analyzer.Conformance;

namespace Replay.Analyzer.Tests.Conformance;

public sealed class AlignmentTests
{
    [Fact]
    public void Equal_sequences_match_completely()
    {
        var alignment = Alignment.Of(Items("a", "b", "c"), Items("a", "b", "c"));
        Assert.True(alignment.IsComplete);
        Assert.Null(alignment.FirstDivergence);
    }

    [Fact]
    public void A_missing_item_costs_itself_and_not_what_follows()
    {
        var alignment = Alignment.Of(Items("a", "b", "c", "d"), Items("a", "c", "d"));
        Assert.Equal((3, 4, 0), (alignment.Matched, alignment.Seen, alignment.Extra));
        Assert.Equal((1, 1), alignment.FirstDivergence);
    }

    [Fact]
    public void An_extra_item_is_not_complete()
    {
        var alignment = Alignment.Of(Items("a", "b"), Items("a", "x", "b"));
        Assert.Equal((2, 1), (alignment.Matched, alignment.Extra));
        Assert.False(alignment.IsComplete);
    }

    [Fact]
    public void Items_out_of_order_do_not_all_match()
    {
        var alignment = Alignment.Of(Items("a", "b", "c"), Items("c", "b", "a"));
        Assert.Equal(1, alignment.Matched);
    }

    private static List<ConformanceItem> Items(params string[] texts) => [.. texts.Select((text, i) => new ConformanceItem(text, i))];
}
