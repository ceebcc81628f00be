using System.Globalization;
using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Where the sides part: the first event with the tables there, then event after event, a page of them folded into a line each.</summary>
internal static class DivergenceSection
{
    private const int EventsOnPage = 50;

    public static void Append(StringBuilder html, RunDivergence divergence, RunDiff diff, ExplorerLinks? links)
    {
        html.Append($"<section id=\"parts\">\n{HtmlText.Heading("parts", "Where they first part")}\n<p>{HtmlText.Escape(divergence.Place)}: <code>{HtmlText.Escape(divergence.Access)}</code>{Links(divergence, links)}</p>\n");
        html.Append($"<p>{HtmlText.Escape(divergence.Reason)}</p>\n");
        Sides(html, divergence, diff);
        if (diff.Divergences is { } list)
            Tables(html, list, diff);
        html.Append("</section>\n");
    }

    public static void AppendAll(StringBuilder html, DivergenceList list, RunDiff diff, ExplorerLinks? links)
    {
        html.Append($"<section id=\"all-parts\">\n{HtmlText.Heading("all-parts", "All events at which they part")}\n<p class=\"quiet\">{HtmlText.Count(list.Total)} events at which exits, faults or table writes are not alike, in order");
        html.Append(list.First.Count < list.Total ? $"; the first {HtmlText.Count(list.First.Count)} are here (<code>replay diff --divergences N</code> takes more{(links is null ? "" : $", <a href=\"{HtmlText.Escape(links.Compare)}\">the explorer</a> has all")})." : ".");
        html.Append(" Open a page, then an event.</p>\n");
        foreach (var page in list.First.Chunk(EventsOnPage))
        {
            html.Append($"<details class=\"page\"{(page[0] == list.First[0] ? " open" : "")}><summary>Events {HtmlText.Count(page[0].Ordinal ?? 0)} to {HtmlText.Count(page[^1].Ordinal ?? 0)} <span class=\"quiet\">({page.Length})</span></summary>\n");
            foreach (var divergence in page)
            {
                var id = string.Create(CultureInfo.InvariantCulture, $"event-{divergence.Ordinal}");
                html.Append($"<details class=\"event\" id=\"{id}\"><summary><a href=\"#{id}\">{HtmlText.Count(divergence.Ordinal ?? 0)}</a> {HtmlText.Escape(divergence.Reason)}</summary>\n");
                html.Append($"<p><code>{HtmlText.Escape(divergence.Access)}</code>{Links(divergence, links)}</p>\n");
                Sides(html, divergence, diff);
                html.Append("</details>\n");
            }

            html.Append("</details>\n");
        }

        html.Append("</section>\n");
    }

    private static string Links(RunDivergence divergence, ExplorerLinks? links) => links is null || divergence.Ordinal is not { } ordinal ? ""
        : $" <span class=\"links\"><a href=\"{HtmlText.Escape(links.Why(ordinal))}\">why</a> <a href=\"{HtmlText.Escape(links.Tables(ordinal))}\">tables</a></span>";

    private static void Sides(StringBuilder html, RunDivergence divergence, RunDiff diff)
    {
        html.Append("<div class=\"sides\">\n");
        Side(html, "a", diff.A.Name, divergence.A);
        Side(html, "b", diff.B.Name, divergence.B);
        html.Append("</div>\n");
    }

    private static void Side(StringBuilder html, string side, string name, SideAction action)
    {
        html.Append($"<div class=\"side {side}\"><b class=\"{side}-text\">{HtmlText.Escape(name)}</b>\n");
        Lines(html, "exits", action.Exits);
        Lines(html, "faults", action.Faults);
        Lines(html, action.WriteCount > action.Writes.Count ? $"the first {action.Writes.Count} of {action.WriteCount} table writes" : "table writes", action.Writes);
        Lines(html, "flushes", action.Flushes);
        if (action.Chain is { } chain)
            html.Append($"<h3>chain</h3>\n<p class=\"quiet\"><code>{HtmlText.Escape(chain)}</code></p>\n");
        if (action.Exits.Count + action.Faults.Count + action.WriteCount + action.Flushes.Count == 0)
            html.Append("<p class=\"quiet\">does nothing here</p>\n");
        html.Append("</div>\n");
    }

    private static void Lines(StringBuilder html, string title, IReadOnlyList<string> lines)
    {
        if (lines.Count == 0)
            return;
        html.Append($"<h3>{HtmlText.Escape(title)}</h3>\n<ul>\n");
        foreach (var line in lines)
            html.Append($"<li><code>{HtmlText.Escape(line)}</code></li>\n");
        html.Append("</ul>\n");
    }

    private static void Tables(StringBuilder html, DivergenceList list, RunDiff diff)
    {
        if (list.TablesA is null && list.TablesB is null)
            return;
        html.Append("<h3 id=\"tree\">The tables there, as the event left them</h3>\n<p class=\"quiet\">The way from the root to the address, with the entries beside it; what the event wrote is lit.</p>\n<div class=\"sides\">\n");
        Tree(html, "a", diff.A.Name, list.TablesA);
        Tree(html, "b", diff.B.Name, list.TablesB);
        html.Append("</div>\n");
    }

    private static void Tree(StringBuilder html, string side, string name, DivergenceTables? tables)
    {
        html.Append($"<div class=\"side {side}\"><b class=\"{side}-text\">{HtmlText.Escape(name)}</b>\n");
        if (tables is null)
        {
            html.Append("<p class=\"quiet\">no tables for it: the run has no root yet, stores no whole tables, or its event is about no address</p>\n</div>\n");
            return;
        }

        html.Append($"<p class=\"quiet\">{(tables.IsDirect ? "guest-physical" : "guest-virtual")} <code>{HtmlText.Escape(tables.Address)}</code>{(tables.Register is { } register ? $", root <code>{HtmlText.Escape(register)}</code>" : "")}</p>\n");
        foreach (var table in tables.Path)
        {
            html.Append($"<h3>{HtmlText.Escape(table.Name)}, table {table.TableId} <span class=\"quiet\">{table.Used} of 512 used</span></h3>\n<table class=\"tree\"><tbody>\n");
            foreach (var entry in table.Entries)
            {
                html.Append($"<tr class=\"{(entry.IsOnWay ? "way" : "")}{(entry.IsNew ? " new" : "")}\"><td class=\"n\">{entry.Index}</td><td><code>{HtmlText.Escape(entry.Value)}</code></td><td><code>{HtmlText.Escape(entry.Rights ?? "")}</code> {HtmlText.Escape(entry.Kind)}</td>");
                html.Append($"<td class=\"quiet\">{(entry.Since is { } since ? $"{HtmlText.Count(since)} {HtmlText.Escape(entry.Function ?? "")}" : "never written")}</td></tr>\n");
            }

            html.Append("</tbody></table>\n");
        }

        html.Append("</div>\n");
    }
}
