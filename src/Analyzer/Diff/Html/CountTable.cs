using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>A table of counts with a bar for each side.</summary>
internal static class CountTable
{
    /// <param name="heading">Of the first column.</param>
    /// <param name="counts">The rows.</param>
    /// <param name="a">Name of the first side.</param>
    /// <param name="b">Name of the second.</param>
    public static string Html(string heading, IReadOnlyList<DiffCount> counts, string a, string b)
    {
        if (counts.Count == 0)
            return "<p class=\"quiet\">None on either side.</p>\n";
        var aligned = counts.Any(count => count.Alike is not null);
        var most = counts.Max(count => Math.Max(count.A, count.B));
        var html = new StringBuilder("<div class=\"scroll\"><table>\n");
        html.Append($"<thead><tr><th>{HtmlText.Escape(heading)}</th><th class=\"n\">A {HtmlText.Escape(a)}</th><th class=\"n\">B {HtmlText.Escape(b)}</th><th class=\"n\">B/A</th>");
        html.Append(aligned ? "<th class=\"n\">alike</th>" : "").Append("<th class=\"bars\"></th></tr></thead>\n<tbody>\n");
        foreach (var count in counts)
        {
            html.Append($"<tr><td>{Name(count.Name)}</td><td class=\"n\">{HtmlText.Count(count.A)}</td><td class=\"n\">{HtmlText.Count(count.B)}</td><td class=\"n\">{HtmlText.Ratio(count.A, count.B)}</td>");
            html.Append(aligned ? $"<td class=\"n\">{(count.Alike is { } alike ? HtmlText.Count(alike) : "")}</td>" : "");
            html.Append($"<td class=\"bars\">{Bar("a", count.A, most)}{Bar("b", count.B, most)}</td></tr>\n");
        }

        return html.Append("</tbody></table></div>\n").ToString();
    }

    private static string Name(string name) => !name.Contains(' ', StringComparison.Ordinal) ? $"<code>{HtmlText.Escape(name)}</code>" : HtmlText.Escape(name);

    private static string Bar(string side, long value, long most) =>
        value == 0 ? "<i></i>" : $"<i class=\"{side}\" style=\"width:{HtmlText.Number(Math.Max(0.4, 100.0 * value / most))}%\"></i>";
}
