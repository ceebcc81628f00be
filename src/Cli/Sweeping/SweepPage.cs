using System.Globalization;
using System.Net;
using System.Text;

namespace Replay.Cli.Sweeping;

/// <summary>The results of a sweep as one page with plots that loads nothing.</summary>
internal sealed class SweepPage(IReadOnlyList<(SweepTask Task, SweepResult Result)> rows)
{
    private const int Width = 760;
    private static readonly string[] Colours = ["#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5"];

    private static readonly (string Counter, string Title)[] Figures =
        [("cost", "Cost"), ("vm_exits", "VM exits"), ("faults", "Faults handled"), ("table_writes", "Table writes"), ("tlb_flushes", "TLB flushes")];

    private readonly List<string> _variants = [.. rows.Select(row => Variant(row.Task)).Distinct()];

    public string Html()
    {
        var page = new StringBuilder();
        page.Append("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Sweep</title>\n<style>body{font:14px/1.5 system-ui,sans-serif;max-width:800px;margin:2em auto;padding:0 1em}");
        page.Append("table{border-collapse:collapse}td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}svg text{font:11px system-ui,sans-serif}h2{margin-top:2em}</style>\n");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{rows.Count} replays of {rows.Select(row => row.Task.Guest).Distinct().Count()} guests, {_variants.Count} variants</h1>\n");
        foreach (var (counter, title) in Figures)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2>{title}{(counter == "cost" ? $" ({Text(rows.Select(row => row.Result.CostUnit).FirstOrDefault() ?? "")})" : "")}</h2>\n<p>An access, by variant: the bar is the median over guests, the line the range, the box its middle half.</p>\n");
            page.Append(Bars(counter));
        }

        page.Append("<h2>Best mode by guest</h2>\n<p>Which variant costs least, and what the others cost as a multiple of it.</p>\n").Append(Best());
        page.Append("<h2>Table writes over time</h2>\n<p>Share of a capture replayed, and table writes up to there as a share of the most that any variant of the guest makes: median over guests.</p>\n").Append(Growth());
        return page.Append("</html>\n").ToString();
    }

    private static string Variant(SweepTask task)
    {
        string[] others = [task.Host, task.ModuleParams, task.Value("host-events")];
        return string.Join(' ', [$"{task.Mmu}@{task.Kernel}", task.HostPages, .. others.Where(other => other.Length > 0)]);
    }

    private static double Value(SweepResult result, string counter) =>
        (counter == "cost" ? result.Cost : result.Counters.GetValueOrDefault(counter)) / (double)Math.Max(1, result.Counters.GetValueOrDefault("accesses"));

    private StringBuilder Bars(string counter)
    {
        const int Row = 22, Left = 190;
        var values = _variants.Select(variant => rows.Where(row => Variant(row.Task) == variant).Select(row => Value(row.Result, counter)).Order().ToList()).ToList();
        var most = Math.Max(double.Epsilon, values.Max(list => list[^1]));
        double X(double value) => Left + value / most * (Width - Left - 70);
        var svg = Svg((_variants.Count * Row) + 4);
        for (var i = 0; i < _variants.Count; i++)
        {
            var (y, list) = (i * Row, values[i]);
            var (low, median, high) = (At(list, 0.25), At(list, 0.5), At(list, 0.75));
            svg.Append(Inv($"<text x=\"{Left - 6}\" y=\"{y + 15}\" text-anchor=\"end\">{Text(_variants[i])}</text>"));
            svg.Append(Inv($"<rect x=\"{Left}\" y=\"{y + 4}\" width=\"{X(median) - Left:0.#}\" height=\"14\" fill=\"{Colour(_variants[i])}\" opacity=\".75\"><title>{median:0.####} (median), {list[0]:0.####} to {list[^1]:0.####}</title></rect>"));
            svg.Append(Inv($"<path d=\"M{X(list[0]):0.#} {y + 11}H{X(list[^1]):0.#}\" stroke=\"#333\"/><rect x=\"{X(low):0.#}\" y=\"{y + 8}\" width=\"{X(high) - X(low):0.#}\" height=\"6\" fill=\"none\" stroke=\"#333\"/>"));
            svg.Append(Inv($"<text x=\"{X(list[^1]) + 5:0.#}\" y=\"{y + 15}\">{median:0.####}</text>"));
        }

        return svg.Append("</svg>\n");
    }

    private StringBuilder Best()
    {
        var table = new StringBuilder("<table><tr><th>guest").AppendJoin("", _variants.Select(variant => $"<th>{Text(variant)}")).Append('\n');
        foreach (var guest in rows.GroupBy(row => row.Task.Guest))
        {
            var least = Math.Max(1, guest.Min(row => row.Result.Cost));
            table.Append("<tr><td>").Append(Text(guest.Key));
            foreach (var variant in _variants)
            {
                var found = guest.Where(row => Variant(row.Task) == variant).Select(row => (double?)row.Result.Cost / least).FirstOrDefault();
                table.Append(found is null ? "<td>" : found == 1 ? "<td><b>1</b>" : Inv($"<td>{found:0.00}"));
            }

            table.Append('\n');
        }

        return table.Append("</table>\n");
    }

    private StringBuilder Growth()
    {
        const int Height = 260, Left = 50, Right = 200;
        var most = rows.GroupBy(row => row.Task.Guest).ToDictionary(guest => guest.Key, guest => (double)Math.Max(1, guest.Max(row => row.Result.Growth.Count > 0 ? row.Result.Growth[^1] : 0)));
        var svg = Svg(Height + 30);
        svg.Append(Inv($"<path d=\"M{Left} 10V{Height}H{Width - Right}\" fill=\"none\" stroke=\"#999\"/><text x=\"{Left - 6}\" y=\"16\" text-anchor=\"end\">1</text><text x=\"{Left - 6}\" y=\"{Height}\" text-anchor=\"end\">0</text><text x=\"{Width - Right}\" y=\"{Height + 16}\" text-anchor=\"end\">whole capture</text>"));
        for (var i = 0; i < _variants.Count; i++)
        {
            var lines = rows.Where(row => Variant(row.Task) == _variants[i] && row.Result.Growth.Count > 0).ToList();
            if (lines.Count == 0)
                continue;
            var steps = lines[0].Result.Growth.Count;
            svg.Append(Inv($"<path fill=\"none\" stroke=\"{Colour(_variants[i])}\" stroke-width=\"2\"{(_variants[i].Contains("thp", StringComparison.Ordinal) ? " stroke-dasharray=\"5 3\"" : "")} d=\"M{Left} {Height}"));
            for (var step = 0; step < steps; step++)
            {
                var share = At([.. lines.Select(row => row.Result.Growth[step] / most[row.Task.Guest]).Order()], 0.5);
                svg.Append(Inv($"L{Left + ((step + 1) * (Width - Left - Right) / (double)steps):0.#} {Height - (share * (Height - 10)):0.#}"));
            }

            svg.Append(Inv($"\"/><text x=\"{Width - Right + 8}\" y=\"{20 + (i * 16)}\" fill=\"{Colour(_variants[i])}\">{Text(_variants[i])}</text>"));
        }

        return svg.Append("</svg>\n");
    }

    /// <summary>One colour a mode and kernel; page sizes share it.</summary>
    private string Colour(string variant)
    {
        var modes = _variants.Select(known => known.Split(' ')[0]).Distinct().ToList();
        return Colours[modes.IndexOf(variant.Split(' ')[0]) % Colours.Length];
    }

    private static double At(List<double> sorted, double share) => sorted[(int)Math.Round(share * (sorted.Count - 1))];

    private static StringBuilder Svg(int height) => new(Inv($"<svg viewBox=\"0 0 {Width} {height}\" width=\"100%\" role=\"img\">"));

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Inv(FormattableString text) => FormattableString.Invariant(text);
}
