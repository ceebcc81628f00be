using System.Globalization;

namespace Replay.Analyzer.Diff.Html;

/// <summary>Addresses of a running 'replay serve' that shows what the report speaks of.</summary>
/// <param name="Server">Where it is.</param>
/// <param name="RunA">The first side, as addresses of the explorer name it.</param>
/// <param name="RunB">The second.</param>
public sealed record ExplorerLinks(Uri Server, string RunA, string RunB)
{
    internal string Compare => Page("compare", "");

    internal string Why(long ordinal) => Page("why", At(ordinal));

    internal string Tables(long ordinal) => Page("tables", At(ordinal));

    internal string Timeline(long from, long to) => Page("timeline", string.Create(CultureInfo.InvariantCulture, $"&from={from}&to={to}"));

    private static string At(long ordinal) => string.Create(CultureInfo.InvariantCulture, $"&at={ordinal}");

    private string Page(string view, string rest) => new Uri(Server, $"/{view}?run={Uri.EscapeDataString(RunA)}&vs={Uri.EscapeDataString(RunB)}{rest}").AbsoluteUri;
}
