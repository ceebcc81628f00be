using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>A comparison as one HTML page that loads nothing: for a paper or a bug report. Every part of it and every event has an anchor.</summary>
public static class HtmlReport
{
    /// <param name="diff">The comparison.</param>
    /// <param name="links">Where the explorer runs, to which events and ranges then link; null: nowhere.</param>
    public static string Text(RunDiff diff, ExplorerLinks? links = null)
    {
        ArgumentNullException.ThrowIfNull(diff);
        var (a, b) = (diff.A.Name, diff.B.Name);
        var title = HtmlText.Escape($"{a} against {b}");
        var html = new StringBuilder();
        html.Append($"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{ReportStyle.Css}\n</style>\n</head>\n<body>\n");
        html.Append($"<h1><span class=\"a-text\">{HtmlText.Escape(a)}</span> against <span class=\"b-text\">{HtmlText.Escape(b)}</span></h1>\n");
        html.Append($"<p class=\"quiet\">{HtmlText.Escape(Subtitle(diff))}</p>\n");
        Contents(html, diff, links);
        Tiles(html, diff);
        Findings(html, diff);
        Timeline(html, diff, links);
        var at = ByOrdinal(diff) ? "at the same event of the guest" : "next in order";
        Section(html, "exits", "VM exits by reason", $"Alike: both sides exit {at}, for a page that is not mapped or for the same instruction; counted under the reason of A.", CountTable.Html("reason", diff.Exits.Sorts, a, b));
        Section(html, "writes", "Table writes by level and function", $"Alike: {at} the same guest frame gets an entry of the same kind, level and rights, and a page the same host frame. hardware: accessed and dirty bits set by the CPU.", CountTable.Html("level and function", diff.Writes.Sorts, a, b));
        Section(html, "rest", "Faults, flushes, tables", null, Rest(diff));
        if (diff.Guests.Count > 0)
            Section(html, "guests", "The guest and its own guests", "L1 is the guest, a hypervisor; L2 is what it runs. Writes and tables are those that translate for the one or the other, whoever ran.", Guests(diff));
        if (ByOrdinal(diff))
            Section(html, "walks", "Page walks", "Of accesses that miss a TLB of 4096 entries, the same in both modes. A walk over four levels of guest tables and four of EPT or NPT reads (4+1)(4+1)-1 = 24 entries, a shadow walk 4.", CountTable.Html("a walk reads", diff.Walks.ByReferences, a, b));
        if (ByOrdinal(diff))
            Cost(html, diff, links);
        if (diff.FirstDivergence is { } divergence)
            DivergenceSection.Append(html, divergence, diff, links);
        if (diff.Divergences is { First.Count: > 0 } list)
            DivergenceSection.AppendAll(html, list, diff, links);
        ProvenanceSection.Append(html, diff);
        return html.Append("</body>\n</html>\n").ToString();
    }

    private static string Subtitle(RunDiff diff) => !ByOrdinal(diff)
        ? $"{Path.GetFileName(Path.TrimEndingDirectorySeparator(diff.A.Capture))} ({diff.A.CaptureSource}) and {Path.GetFileName(Path.TrimEndingDirectorySeparator(diff.B.Capture))} ({diff.B.CaptureSource}), aligned in order."
        : $"Two replays of {Path.GetFileName(Path.TrimEndingDirectorySeparator(diff.A.Capture))} ({diff.A.CaptureSource}), events {HtmlText.Count(diff.FirstOrdinal)} to {HtmlText.Count(diff.LastOrdinal)}, "
        + "aligned by the guest's own events.";

    /// <summary>A trace of a real host shows neither page walks nor, mostly, the guest's own faults: nothing is said of them.</summary>
    private static bool ByOrdinal(RunDiff diff) => diff.AlignedBy == "ordinal";

    private static void Contents(StringBuilder html, RunDiff diff, ExplorerLinks? links)
    {
        html.Append("<nav>");
        foreach (var (id, title, isThere) in (ReadOnlySpan<(string, string, bool)>)
        [
            ("timeline", "over the trace", true), ("exits", "exits", true), ("writes", "table writes", true), ("rest", "faults, flushes", true), ("guests", "guests of the guest", diff.Guests.Count > 0),
            ("walks", "page walks", ByOrdinal(diff)), ("cost", "cost", ByOrdinal(diff)), ("parts", "where they first part", diff.FirstDivergence is not null),
            ("all-parts", "all events at which they part", diff.Divergences is { First.Count: > 0 }), ("provenance", "provenance", true),
        ])
        {
            if (isThere)
                html.Append($"<a href=\"#{id}\">{title}</a> ");
        }

        html.Append(links is null ? "</nav>\n" : $"<a class=\"explorer\" href=\"{HtmlText.Escape(links.Compare)}\">in the explorer</a></nav>\n");
    }

    private static void Tiles(StringBuilder html, RunDiff diff)
    {
        html.Append("<div class=\"tiles\">\n");
        Tile(html, "VM exits", diff.Exits.A, diff.Exits.B);
        Tile(html, "faults handled", diff.Faults.A, diff.Faults.B);
        Tile(html, "table writes", diff.Writes.A, diff.Writes.B);
        if (ByOrdinal(diff))
        {
            Tile(html, "entries read a page walk", diff.Walks.PerWalkA, diff.Walks.PerWalkB);
            Tile(html, $"cost ({diff.Cost.Unit})", diff.Cost.Total.A, diff.Cost.Total.B);
        }

        html.Append("</div>\n");
    }

    private static void Tile(StringBuilder html, string name, double a, double b) => html.Append(
        $"<div class=\"tile\"><b>{HtmlText.Escape(name)}</b><div class=\"pair\"><span class=\"a-text\">{HtmlText.Short(a)}</span><span class=\"b-text\">{HtmlText.Short(b)}</span></div><small>{HtmlText.Ratio(a, b)}</small></div>\n");

    private static void Findings(StringBuilder html, RunDiff diff)
    {
        html.Append("<ul class=\"findings\">\n");
        if (diff.IsSame)
            html.Append($"<li class=\"good\"><b>{(ByOrdinal(diff) ? "The same</b>: every exit, fault, table write and flush, to the last bit." : "Alike, in order</b>: every exit, fault, table write and flush that the trace shows.")}</li>\n");
        html.Append($"<li class=\"{Judgement(diff.Frames)}\"><b>Same memory?</b> {HtmlText.Escape(diff.Frames.Verdict)}</li>\n");
        html.Append($"<li><b>Which is cheaper?</b> {HtmlText.Escape(diff.Cost.Verdict)}{(ByOrdinal(diff) ? $" A is cheaper in {diff.Cost.RangesCheaperInA} ranges of the trace, B in {diff.Cost.RangesCheaperInB}." : "")}</li>\n");
        if (diff.Writes.Alike is { } alike)
            html.Append($"<li><b>What is alike?</b> {HtmlText.Count(alike)} table writes are made in both, {(ByOrdinal(diff) ? "at the same event of the guest" : "in the same order")}; {HtmlText.Count(diff.Writes.A - alike)} in A only, {HtmlText.Count(diff.Writes.B - alike)} in B only.</li>\n");
        if (diff.FirstDivergence is { } divergence)
            html.Append($"<li><b>Where do they first part?</b> At <a href=\"#parts\">{HtmlText.Escape(divergence.Place)}</a>. {HtmlText.Escape(divergence.Reason)}</li>\n");
        foreach (var remark in diff.Remarks)
            html.Append($"<li>{HtmlText.Escape(remark)}</li>\n");
        html.Append("</ul>\n");
    }

    private static string Judgement(FrameCheck frames) => !frames.Holds ? "bad" : frames.Checked is { A: > 0, B: > 0 } ? "good" : "open";

    private static void Timeline(StringBuilder html, RunDiff diff, ExplorerLinks? links)
    {
        html.Append($"<section id=\"timeline\">\n{HtmlText.Heading("timeline", "Over the trace")}\n<p class=\"quiet\">{diff.Ranges.Count} equal ranges of the guest's events. Bars upwards are <span class=\"a-text\">{HtmlText.Escape(diff.A.Name)}</span>, downwards <span class=\"b-text\">{HtmlText.Escape(diff.B.Name)}</span>; both on one square-root scale.</p>\n");
        Chart(html, "VM exits", RangeChart.Svg(diff.Ranges, "VM exits", range => range.Exits, links: links));
        Chart(html, "faults handled", RangeChart.Svg(diff.Ranges, "faults", range => range.Faults, links: links));
        Chart(html, "table writes", RangeChart.Svg(diff.Ranges, "table writes", range => range.Writes, links: links));
        html.Append("</section>\n");
    }

    private static void Chart(StringBuilder html, string title, string svg) => html.Append($"<h3>{HtmlText.Escape(title)}</h3>\n<figure>\n{svg}</figure>\n");

    private static string Rest(RunDiff diff) => CountTable.Html(
        "what",
        [
            .. diff.Faults.Sorts.Select(sort => sort with { Name = $"faults: {sort.Name}" }),
            .. diff.Flushes.Sorts.Select(sort => sort with { Name = $"flushes: {sort.Name}" }),
            .. ByOrdinal(diff) ? (DiffCount[])[new("faults that reach the guest", diff.GuestFaults.A, diff.GuestFaults.B, diff.GuestFaults.Alike)] : [],
            new("tables made", diff.Tables.Created.A, diff.Tables.Created.B),
            new("tables alive at the end", diff.Tables.Live.A, diff.Tables.Live.B),
            new("tables alive at most", diff.Tables.Peak.A, diff.Tables.Peak.B),
        ],
        diff.A.Name,
        diff.B.Name);

    private static string Guests(RunDiff diff) => CountTable.Html(
        "whose",
        [
            .. diff.Guests.SelectMany(guest => (DiffCount[])
            [
                new($"{guest.Guest}: VM exits", guest.Exits.A, guest.Exits.B),
                new($"{guest.Guest}: exits handed to L1", guest.HandedOn.A, guest.HandedOn.B),
                new($"{guest.Guest}: faults handled", guest.Faults.A, guest.Faults.B),
                new($"{guest.Guest}: writes to its tables", guest.Writes.A, guest.Writes.B),
                new($"{guest.Guest}: tables made", guest.Tables.A, guest.Tables.B),
                new($"{guest.Guest}: TLB flushes", guest.Flushes.A, guest.Flushes.B),
            ]).Where(count => count.A + count.B > 0),
        ],
        diff.A.Name,
        diff.B.Name);

    private static void Cost(StringBuilder html, RunDiff diff, ExplorerLinks? links)
    {
        var cost = diff.Cost;
        html.Append($"<section id=\"cost\">\n{HtmlText.Heading("cost", "Cost")}\n<p>{HtmlText.Escape(cost.Verdict)}</p>\n");
        html.Append(CountTable.Html($"{cost.Unit}, table “{cost.Table}”", [.. cost.Parts.Where(part => part.A + part.B > 0)], diff.A.Name, diff.B.Name));
        Chart(html, $"cost by range ({cost.Unit}); the strip below shows which side is cheaper", RangeChart.Svg(diff.Ranges, cost.Unit, range => range.Cost, showsCheaper: true, links));
        html.Append("<h3>Where the numbers come from</h3>\n<ul class=\"quiet\">\n");
        foreach (var source in cost.Sources)
            html.Append($"<li>{HtmlText.Escape(source)}</li>\n");
        html.Append("</ul>\n<h3>What the model leaves out</h3>\n<ul class=\"quiet\">\n");
        foreach (var gap in cost.NotModelled)
            html.Append($"<li>{HtmlText.Escape(gap)}</li>\n");
        html.Append("</ul>\n</section>\n");
    }

    private static void Section(StringBuilder html, string id, string title, string? note, string body)
    {
        html.Append($"<section id=\"{id}\">\n{HtmlText.Heading(id, title)}\n");
        if (note is not null)
            html.Append($"<p class=\"quiet\">{HtmlText.Escape(note)}</p>\n");
        html.Append(body).Append("</section>\n");
    }
}
