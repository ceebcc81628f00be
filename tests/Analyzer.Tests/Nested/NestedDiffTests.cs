using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Html;

namespace Replay.Analyzer.Tests.Nested;

/// <summary>What a guest of the guest would cost in another mode, apart from its hypervisor.</summary>
public sealed class NestedDiffTests(NestedDatabase nested) : IClassFixture<NestedDatabase>
{
    [Fact]
    public void Two_modes_are_compared_guest_by_guest()
    {
        var diff = Compare("nonpt-tdp", "nonpt-shadow");
        Assert.Equal(["L1", "L2"], diff.Guests.Select(guest => guest.Guest).Take(2));
        Assert.Equal((diff.Exits.A, diff.Exits.B), (diff.Guests.Sum(guest => guest.Exits.A), diff.Guests.Sum(guest => guest.Exits.B)));
        Assert.Equal((diff.Faults.A, diff.Faults.B), (diff.Guests.Sum(guest => guest.Faults.A), diff.Guests.Sum(guest => guest.Faults.B)));
        Assert.Equal((diff.Writes.A, diff.Writes.B), (diff.Guests.Sum(guest => guest.Writes.A), diff.Guests.Sum(guest => guest.Writes.B)));
        Assert.Equal((diff.Flushes.A, diff.Flushes.B), (diff.Guests.Sum(guest => guest.Flushes.A), diff.Guests.Sum(guest => guest.Flushes.B)));
        var l2 = diff.Guests.Single(guest => guest.Guest == "L2");
        // With shadow paging L2's INVLPGs, CR3 loads and faults all exit; what L1 gets is the same.
        Assert.True(l2.Exits.B > l2.Exits.A);
        Assert.Equal(l2.HandedOn.A, l2.HandedOn.B);
        Assert.Contains("L2: exits handed to L1", HtmlReport.Text(diff), StringComparison.Ordinal);
    }

    [Fact]
    public void A_stretch_of_the_trace_counts_what_lies_in_it()
    {
        var whole = Compare("npt-tdp", "npt");
        var parts = new[] { (0L, 59_999L), (60_000L, long.MaxValue) }.Select(range => Compare("npt-tdp", "npt", new DiffOptions { From = range.Item1, To = range.Item2 })).ToList();
        foreach (var guest in whole.Guests)
        {
            var others = parts.Select(part => part.Guests.SingleOrDefault(other => other.Guest == guest.Guest)).OfType<GuestTotals>().ToList();
            Assert.Equal((guest.Exits.A, guest.Writes.B, guest.Flushes.A), (others.Sum(other => other.Exits.A), others.Sum(other => other.Writes.B), others.Sum(other => other.Flushes.A)));
        }
    }

    [Fact]
    public void A_guest_without_one_of_its_own_is_not_divided()
    {
        var diff = RunComparison.Of(Side("plain"), Side("plain"), cancellation: TestContext.Current.CancellationToken);
        Assert.Empty(diff.Guests);
        Assert.DoesNotContain("its own guests", HtmlReport.Text(diff), StringComparison.Ordinal);
    }

    private RunDiff Compare(string a, string b, DiffOptions? options = null) => RunComparison.Of(Side(a), Side(b), options, TestContext.Current.CancellationToken);

    private DiffSide Side(string run) => DiffSide.Find(nested.Database, run);
}
