using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Both sides over the ranges of the trace: the first side's bars upwards, the second's downwards, on one square-root scale.</summary>
internal static class RangeChart
{
    private const int Wide = 960;

    /// <summary>What a telephone has, so that its letters are as large as on a screen.</summary>
    private const int Narrow = 380;

    private const int Left = 54;
    private const int Right = 8;
    private const int Half = 62;
    private const int Top = 10;
    private const int Bottom = 22;
    private const int Strip = 10;
    private const double Gap = 1;

    /// <summary>The chart twice, for wide and for narrow screens: the page shows the one that fits.</summary>
    /// <param name="ranges">The trace.</param>
    /// <param name="label">What the bars show, for their tooltips.</param>
    /// <param name="value">The two numbers of a range.</param>
    /// <param name="showsCheaper">A strip below tells which side has less.</param>
    /// <param name="links">Where ranges link to; null: nowhere.</param>
    public static string Svg(IReadOnlyList<DiffRange> ranges, string label, Func<DiffRange, DiffPair> value, bool showsCheaper = false, ExplorerLinks? links = null)
    {
        var svg = new StringBuilder();
        foreach (var (width, name) in (ReadOnlySpan<(int, string)>)[(Wide, "wide"), (Narrow, "narrow")])
            new Chart(svg, width, ranges, label, value, showsCheaper, links).Append(name);
        return svg.ToString();
    }

    private sealed class Chart(StringBuilder svg, int width, IReadOnlyList<DiffRange> ranges, string label, Func<DiffRange, DiffPair> value, bool showsCheaper, ExplorerLinks? links)
    {
        private readonly long _most = ranges.Select(value).Select(pair => Math.Max(pair.A, pair.B)).DefaultIfEmpty(0).Max();
        private readonly double _step = (double)(width - Left - Right) / Math.Max(1, ranges.Count);

        public void Append(string name)
        {
            var height = Top + (2 * Half) + Bottom + (showsCheaper ? Strip + 4 : 0);
            svg.Append($"<svg class=\"{name}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{HtmlText.Escape(label)} over the trace\">\n");
            Grid();
            for (var i = 0; i < ranges.Count; i++)
                Bars(ranges[i], Left + (i * _step));
            Ordinals(height - 6);
            svg.Append("</svg>\n");
        }

        private void Grid()
        {
            foreach (var part in (ReadOnlySpan<double>)[0.25, 1])
            {
                foreach (var direction in (ReadOnlySpan<int>)[-1, 1])
                {
                    var y = Top + Half + (direction * Math.Sqrt(part) * Half);
                    var at = HtmlText.Number(y);
                    svg.Append($"<line class=\"grid\" x1=\"{Left}\" x2=\"{width - Right}\" y1=\"{at}\" y2=\"{at}\"/>");
                    svg.Append($"<text class=\"tick\" x=\"{Left - 6}\" y=\"{HtmlText.Number(y + 3.5)}\" text-anchor=\"end\">{HtmlText.Short(_most * part)}</text>\n");
                }
            }

            svg.Append($"<line class=\"axis\" x1=\"{Left}\" x2=\"{width - Right}\" y1=\"{Top + Half}\" y2=\"{Top + Half}\"/>\n");
        }

        private void Bars(DiffRange range, double x)
        {
            var pair = value(range);
            var (up, down) = (Length(pair.A, _most), Length(pair.B, _most));
            var (at, bar) = (HtmlText.Number(x), HtmlText.Number(Math.Max(0.5, _step - Gap)));
            var link = links is null ? null : HtmlText.Escape(links.Timeline(range.FirstOrdinal, range.LastOrdinal));
            svg.Append(link is null ? "<g>" : $"<a href=\"{link}\">");
            svg.Append($"<title>events {HtmlText.Count(range.FirstOrdinal)} to {HtmlText.Count(range.LastOrdinal)}: {HtmlText.Escape(label)} A {HtmlText.Count(pair.A)}, B {HtmlText.Count(pair.B)}</title>");
            svg.Append($"<rect class=\"hit\" x=\"{at}\" y=\"{Top}\" width=\"{bar}\" height=\"{2 * Half}\"/>");
            if (up > 0)
                svg.Append($"<rect class=\"a\" x=\"{at}\" y=\"{HtmlText.Number(Top + Half - up)}\" width=\"{bar}\" height=\"{HtmlText.Number(up)}\"/>");
            if (down > 0)
                svg.Append($"<rect class=\"b\" x=\"{at}\" y=\"{Top + Half}\" width=\"{bar}\" height=\"{HtmlText.Number(down)}\"/>");
            if (showsCheaper && pair.A != pair.B)
                svg.Append($"<rect class=\"{(pair.A < pair.B ? "a" : "b")}\" x=\"{at}\" y=\"{Top + (2 * Half) + 4}\" width=\"{bar}\" height=\"{Strip}\"/>");
            svg.Append(link is null ? "</g>\n" : "</a>\n");
        }

        private void Ordinals(int y)
        {
            if (ranges.Count == 0)
                return;
            var (first, last) = (ranges[0].FirstOrdinal, ranges[^1].LastOrdinal);
            for (var i = 0; i <= 4; i++)
            {
                var x = Left + ((width - Left - Right) * i / 4);
                svg.Append($"<text class=\"tick\" x=\"{x}\" y=\"{y}\" text-anchor=\"{(i == 0 ? "start" : i == 4 ? "end" : "middle")}\">{HtmlText.Short(first + ((last - first) * i / 4))}</text>");
            }

            svg.Append('\n');
        }
    }

    private static double Length(long value, long most) => most == 0 ? 0 : Math.Sqrt((double)value / most) * Half;
}
