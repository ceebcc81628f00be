using System.Text.RegularExpressions;
using Dapper;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Html;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests.Diff;

/// <summary>The comparison of two modes as a page.</summary>
public sealed class HtmlReportTests(WorkloadDatabases databases) : IClassFixture<WorkloadDatabases>, IDisposable
{
    private readonly Database _database = databases.Open("context-switch-storm");

    public void Dispose() => _database.Dispose();

    [Fact]
    public void It_loads_nothing_links_nowhere_but_into_itself_and_escapes_what_it_shows()
    {
        var diff = Compare(40);
        var html = HtmlReport.Text(diff with { A = diff.A with { Capture = "/x/<b>&.capture" } });
        foreach (var loads in (string[])["http:", "https:", "src=", "url(", "@import", "<link", "<script", "<iframe", "<img"])
            Assert.DoesNotContain(loads, html, StringComparison.OrdinalIgnoreCase);
        var ids = Regex.Matches(html, " id=\"([^\"]+)\"").Select(match => match.Groups[1].Value).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.All(Regex.Matches(html, "href=\"([^\"]+)\""), link => Assert.Contains(link.Groups[1].Value, ids.Select(id => $"#{id}")));
        Assert.DoesNotContain("<b>&.capture", html, StringComparison.Ordinal);
        Assert.Contains("&lt;b&gt;&amp;.capture", html, StringComparison.Ordinal);
        Assert.Contains("INVLPG", html, StringComparison.Ordinal);
        Assert.Contains(diff.A.CaptureHash, html, StringComparison.Ordinal);
        // Each of four charts for wide screens and for narrow ones.
        Assert.Equal((4, 4), (html.Split("<svg class=\"wide\"").Length - 1, html.Split("<svg class=\"narrow\"").Length - 1));
    }

    [Fact]
    public void Every_event_at_which_the_sides_part_is_told_in_order_with_an_anchor_of_its_own()
    {
        var all = Compare(int.MaxValue);
        var list = all.Divergences!;
        Assert.Equal(list.Total, list.First.Count);
        Assert.InRange(list.Total, 60, long.MaxValue);
        Assert.Equal(all.FirstDivergence!.Ordinal, list.First[0].Ordinal);
        // The same as when they are asked for page by page.
        var paged = new List<RunDivergence>();
        for (var page = 50; page == 50;)
        {
            var next = RunComparison.Divergences(Ept, Shadow, paged.Count == 0 ? 0 : paged[^1].Ordinal!.Value + 1, 50, TestContext.Current.CancellationToken);
            paged.AddRange(next);
            page = next.Count;
        }

        Assert.Equal(paged.Select(each => (each.Ordinal, each.Access, each.Reason, each.A.WriteCount)), list.First.Select(each => (each.Ordinal, each.Access, each.Reason, each.A.WriteCount)));
        var html = HtmlReport.Text(all);
        Assert.Equal(list.First.Select(each => $"{each.Ordinal}"), Regex.Matches(html, "id=\"event-([0-9]+)\"").Select(match => match.Groups[1].Value));
        Assert.Equal((list.Total + 49) / 50, html.Split("<details class=\"page\"").Length - 1);
        Assert.Contains("the first 5 are here", HtmlReport.Text(Compare(5)), StringComparison.Ordinal);
        Assert.Null(Compare(null).Divergences);
    }

    [Fact]
    public void The_tables_at_the_first_of_them_are_as_the_event_left_them()
    {
        var list = Compare(1).Divergences!;
        var at = list.First[0].Ordinal!.Value;
        Assert.Equal((true, false), (list.TablesA!.IsDirect, list.TablesB!.IsDirect));
        foreach (var (side, tables) in ((DiffSide, DivergenceTables)[])[(Ept, list.TablesA), (Shadow, list.TablesB)])
        {
            Assert.Equal("PT", tables.Path[^1].Name);
            foreach (var table in tables.Path)
            {
                var entry = Assert.Single(table.Entries, each => each.IsOnWay);
                Assert.Equal(table.Index, entry.Index);
                var (value, since) = _database.Connection.QueryFirst<(string, long)>(
                    "SELECT new_hex, ordinal FROM table_write WHERE run = @Run AND table_id = @TableId AND idx = @Index AND ordinal <= @at ORDER BY ordinal DESC, seq DESC LIMIT 1",
                    new { side.Run.Run, table.TableId, table.Index, at });
                Assert.Equal((value, since, since == at), (entry.Value, entry.Since, entry.IsNew));
            }
        }
    }

    private DiffSide Ept => DiffSide.Find(_database, "ept");

    private DiffSide Shadow => DiffSide.Find(_database, "shadow");

    private RunDiff Compare(int? divergences) => RunComparison.Of(Ept, Shadow, new DiffOptions { Divergences = divergences }, TestContext.Current.CancellationToken);
}
