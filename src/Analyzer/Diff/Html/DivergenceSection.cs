using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Where the sides first part: both, side by side.</summary>
internal static class DivergenceSection
{
    public static void Append(StringBuilder html, Divergence divergence, string a, string b)
    {
        html.Append($"<section>\n<h2>Where they first part</h2>\n<p>{HtmlText.Escape(divergence.Place)}: <code>{HtmlText.Escape(divergence.Access)}</code></p>\n");
        html.Append($"<p>{HtmlText.Escape(divergence.Reason)}</p>\n<div class=\"sides\">\n");
        Side(html, "a", a, divergence.A);
        Side(html, "b", b, divergence.B);
        html.Append("</div>\n</section>\n");
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
}
