using System.Text;

namespace Replay.Analyzer.Diff.Html;

/// <summary>What made the two runs, so that anyone can make them again.</summary>
internal static class ProvenanceSection
{
    public static void Append(StringBuilder html, RunDiff diff)
    {
        html.Append($"<section id=\"provenance\">\n{HtmlText.Heading("provenance", "Provenance")}\n<div class=\"scroll\"><table>\n");
        html.Append($"<thead><tr><th></th><th>A {HtmlText.Escape(diff.A.Name)}</th><th>B {HtmlText.Escape(diff.B.Name)}</th></tr></thead>\n<tbody>\n");
        Row(html, "mode", diff.A.Mode, diff.B.Mode);
        Row(html, "host", diff.A.Profile, diff.B.Profile);
        Row(html, "host pages", diff.A.Backing, diff.B.Backing);
        Row(html, "options", diff.A.Options, diff.B.Options);
        Row(html, "kernel modelled", Kernel(diff.A), Kernel(diff.B));
        Row(html, "tool", $"{diff.A.Tool}, model {diff.A.Model}", $"{diff.B.Tool}, model {diff.B.Model}");
        Row(html, "database", $"{Path.GetFileName(diff.A.Database)}, run {diff.A.Run}", $"{Path.GetFileName(diff.B.Database)}, run {diff.B.Run}");
        Row(html, "stored", diff.A.Detail, diff.B.Detail);
        Row(html, "history hash", diff.A.HistoryHash, diff.B.HistoryHash);
        Row(html, "capture", Path.GetFileName(Path.TrimEndingDirectorySeparator(diff.A.Capture)), Path.GetFileName(Path.TrimEndingDirectorySeparator(diff.B.Capture)));
        Row(html, "capture hash", diff.A.CaptureHash, diff.B.CaptureHash);
        Row(html, "recorded by", diff.A.CaptureSource, diff.B.CaptureSource);
        Row(html, "filter", diff.A.CaptureFilter ?? "none", diff.B.CaptureFilter ?? "none");
        html.Append("</tbody></table></div>\n</section>\n");
    }

    private static string Kernel(DiffSideInfo side) => side.KernelCaveat is { } caveat ? $"{side.Kernel} ({caveat})" : side.Kernel;

    private static void Row(StringBuilder html, string name, string a, string b) =>
        html.Append($"<tr><td>{HtmlText.Escape(name)}</td><td class=\"hash\"><code>{HtmlText.Escape(a)}</code></td><td class=\"hash\"><code>{HtmlText.Escape(b)}</code></td></tr>\n");
}
