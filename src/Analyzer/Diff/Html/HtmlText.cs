using System.Globalization;
using System.Net;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Texts and numbers as the page shows them, the same on every machine.</summary>
internal static class HtmlText
{
    private const string NarrowSpace = "\u202f";

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A heading that can be pointed at.</summary>
    public static string Heading(string id, string title) => $"<h2><a class=\"anchor\" href=\"#{id}\">{Escape(title)}</a></h2>";

    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>Three digits and a unit prefix.</summary>
    public static string Short(double value)
    {
        var (scaled, prefix) = Math.Abs(value) switch
        {
            >= 1e9 => (value / 1e9, "G"),
            >= 1e6 => (value / 1e6, "M"),
            >= 1e4 => (value / 1e3, "k"),
            _ => (value, ""),
        };
        var format = prefix.Length == 0 && (scaled == Math.Floor(scaled) || Math.Abs(scaled) >= 1000) ? "#,0" : Math.Abs(scaled) >= 100 ? "0" : Math.Abs(scaled) >= 10 ? "0.0" : "0.00";
        return scaled.ToString(format, CultureInfo.InvariantCulture) + (prefix.Length > 0 ? NarrowSpace + prefix : "");
    }

    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    public static string Ratio(double a, double b) => (a, b) switch
    {
        (0, 0) => "",
        (0, _) => "only B",
        (_, 0) => "only A",
        _ when b / a >= 10 => (b / a).ToString("#,0", CultureInfo.InvariantCulture) + "×",
        _ => (b / a).ToString("0.00", CultureInfo.InvariantCulture) + "×",
    };
}
