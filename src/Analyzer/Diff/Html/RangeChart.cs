using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Both sides over the ranges of the trace: the first side's bars upwards, the second's downwards, on one square-root scale.</summary>
internal static class RangeChart
{
    private const int Width = 960;
    private const int Left = 64;
    private const int Right = 8;
    private const int Half = 62;
    private const int Top = 10;
    private const int Bottom = 22;
    private const int Strip = 10;
    private const double Gap = 1;

    /// <param name="ranges">The trace.</param>
    /// <param name="label">What the bars show, for their tooltips.</param>
    /// <param name="value">The two numbers of a range.</param>
    /// <param name="showsCheaper">A strip below tells which side has less.</param>
    public static string Svg(IReadOnlyList<DiffRange> ranges, string label, Func<DiffRange, DiffPair> value, bool showsCheaper = false)
    {
        var most = ranges.Select(value).Select(pair => Math.Max(pair.A, pair.B)).DefaultIfEmpty(0).Max();
        var height = Top + (2 * Half) + Bottom + (showsCheaper ? Strip + 4 : 0);
        var svg = new StringBuilder();
        svg.Append($"<svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"{HtmlText.Escape(label)} over the trace\">\n");
        Grid(svg, most);
        var step = (double)(Width - Left - Right) / Math.Max(1, ranges.Count);
        for (var i = 0; i < ranges.Count; i++)
            Bars(svg, ranges[i], Left + (i * step), step, label, value(ranges[i]), most, showsCheaper);
        Ordinals(svg, ranges, height - 6);
        svg.Append("</svg>\n");
        return svg.ToString();
    }

    private static void Grid(StringBuilder svg, long most)
    {
        foreach (var part in (ReadOnlySpan<double>)[0.25, 1])
        {
            var y = Math.Sqrt(part) * Half;
            foreach (var direction in (ReadOnlySpan<int>)[-1, 1])
            {
                var at = HtmlText.Number(Top + Half + (direction * y));
                svg.Append($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at}\" y2=\"{at}\"/>");
                svg.Append($"<text class=\"tick\" x=\"{Left - 6}\" y=\"{HtmlText.Number(Top + Half + (direction * y) + 3.5)}\" text-anchor=\"end\">{HtmlText.Short(most * part)}</text>\n");
            }
        }

        svg.Append($"<line class=\"axis\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Top + Half}\" y2=\"{Top + Half}\"/>\n");
    }

    private static void Bars(StringBuilder svg, DiffRange range, double x, double step, string label, DiffPair pair, long most, bool showsCheaper)
    {
        var (up, down) = (Length(pair.A, most), Length(pair.B, most));
        var (at, width) = (HtmlText.Number(x), HtmlText.Number(Math.Max(0.5, step - Gap)));
        svg.Append($"<g><title>events {HtmlText.Count(range.FirstOrdinal)} to {HtmlText.Count(range.LastOrdinal)}: {HtmlText.Escape(label)} A {HtmlText.Count(pair.A)}, B {HtmlText.Count(pair.B)}</title>");
        svg.Append($"<rect class=\"hit\" x=\"{at}\" y=\"{Top}\" width=\"{width}\" height=\"{2 * Half}\"/>");
        if (up > 0)
            svg.Append($"<rect class=\"a\" x=\"{at}\" y=\"{HtmlText.Number(Top + Half - up)}\" width=\"{width}\" height=\"{HtmlText.Number(up)}\"/>");
        if (down > 0)
            svg.Append($"<rect class=\"b\" x=\"{at}\" y=\"{Top + Half}\" width=\"{width}\" height=\"{HtmlText.Number(down)}\"/>");
        if (showsCheaper && pair.A != pair.B)
            svg.Append($"<rect class=\"{(pair.A < pair.B ? "a" : "b")}\" x=\"{at}\" y=\"{Top + (2 * Half) + 4}\" width=\"{width}\" height=\"{Strip}\"/>");
        svg.Append("</g>\n");
    }

    private static void Ordinals(StringBuilder svg, IReadOnlyList<DiffRange> ranges, int y)
    {
        if (ranges.Count == 0)
            return;
        var (first, last) = (ranges[0].FirstOrdinal, ranges[^1].LastOrdinal);
        for (var i = 0; i <= 4; i++)
        {
            var x = Left + ((Width - Left - Right) * i / 4);
            svg.Append($"<text class=\"tick\" x=\"{x}\" y=\"{y}\" text-anchor=\"{(i == 0 ? "start" : i == 4 ? "end" : "middle")}\">{HtmlText.Short(first + ((last - first) * i / 4))}</text>");
        }

        svg.Append('\n');
    }

    private static double Length(long value, long most) => most == 0 ? 0 : Math.Sqrt((double)value / most) * Half;
}
