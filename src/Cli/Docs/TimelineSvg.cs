using System.Globalization;
using System.Text;

namespace Replay.Cli.Docs;

/// <summary>Draws how the table writes of several runs add up over the guest's events.</summary>
internal static class TimelineSvg
{
    private const int Width = 860;
    private const int Height = 320;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 40;
    private const int Bottom = 50;

    private static readonly string[] Colours = ["#c2410c", "#1d4ed8", "#15803d", "#7e22ce"];

    /// <param name="title">Above the picture.</param>
    /// <param name="series">Name and points (ordinal, writes so far), ascending.</param>
    public static string Draw(string title, IReadOnlyList<(string Name, IReadOnlyList<(long Ordinal, long Writes)> Points)> series)
    {
        var firstOrdinal = series.Min(line => line.Points[0].Ordinal);
        var lastOrdinal = series.Max(line => line.Points[^1].Ordinal);
        var most = series.Max(line => line.Points[^1].Writes);
        var svg = new StringBuilder();
        svg.AppendLine($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.AppendLine($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>");
        svg.AppendLine($"<text x=\"{Left}\" y=\"22\" font-size=\"14\" font-weight=\"bold\">{title}</text>");
        for (var i = 0; i <= 4; i++)
        {
            var y = Y(most * i / 4, most);
            svg.AppendLine($"<line x1=\"{Left}\" y1=\"{Number(y)}\" x2=\"{Width - Right}\" y2=\"{Number(y)}\" stroke=\"#ddd\"/>");
            svg.AppendLine($"<text x=\"{Left - 8}\" y=\"{Number(y + 4)}\" text-anchor=\"end\">{most * i / 4:#,0}</text>");
            var ordinal = firstOrdinal + ((lastOrdinal - firstOrdinal) * i / 4);
            svg.AppendLine($"<text x=\"{Number(X(ordinal, firstOrdinal, lastOrdinal))}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{ordinal / 1e6:#,0.0} M</text>");
        }

        svg.AppendLine($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 10}\" text-anchor=\"middle\">ordinal: the guest's accesses and events, in order</text>");
        for (var i = 0; i < series.Count; i++)
        {
            var points = series[i].Points.Select(point => $"{Number(X(point.Ordinal, firstOrdinal, lastOrdinal))},{Number(Y(point.Writes, most))}");
            svg.AppendLine($"<polyline fill=\"none\" stroke=\"{Colours[i % Colours.Length]}\" stroke-width=\"2\" points=\"{string.Join(' ', points)}\"/>");
            svg.AppendLine($"<text x=\"{Left + 12}\" y=\"{Top + 14 + (18 * i)}\" fill=\"{Colours[i % Colours.Length]}\">{series[i].Name}: {series[i].Points[^1].Writes:#,0} writes</text>");
        }

        svg.AppendLine("</svg>");
        return svg.ToString();
    }

    private static double X(long ordinal, long first, long last) =>
        Left + ((Width - Left - Right) * (double)(ordinal - first) / Math.Max(1, last - first));

    private static double Y(long writes, long most) => Height - Bottom - ((Height - Top - Bottom) * (double)writes / Math.Max(1, most));

    private static string Number(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
