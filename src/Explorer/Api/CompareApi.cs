using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Html;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/compare.json</c>: two runs of one capture, event by event. <c>/divergences.json</c>: the events at which they part, page by page. <c>/report.html</c>: the comparison as a page to keep.</summary>
internal static class CompareApi
{
    private const int DefaultRanges = 96;
    private const int MostRanges = 1000;
    private const int MostDivergences = 100;
    private const int DivergencesOfReport = 500;

    public static object Answer(Shelf shelf, Request request)
    {
        using var a = shelf.Open(request.Text("run"), request.Cancellation);
        using var b = shelf.Open(request.Needed("vs"), request.Cancellation);
        var options = new DiffOptions { From = request.Number("from"), To = request.Number("to"), Ranges = request.Count("ranges", DefaultRanges, MostRanges) };
        // Others may wait for the same answer, so that who asked first does not cancel it by leaving.
        return shelf.Once($"compare|{a.Identity}|{b.Identity}|{options.From}|{options.To}|{options.Ranges}", () => RunComparison.Of(Side(a), Side(b), options));
    }

    /// <summary>What <c>replay diff --html</c> writes, with links to this server.</summary>
    public static string Report(Shelf shelf, Request request, Uri server)
    {
        using var a = shelf.Open(request.Text("run"), request.Cancellation);
        using var b = shelf.Open(request.Needed("vs"), request.Cancellation);
        var options = new DiffOptions { From = request.Number("from"), To = request.Number("to"), Divergences = DivergencesOfReport };
        return shelf.Once($"report|{server}|{a.Identity}|{b.Identity}|{options.From}|{options.To}", () => HtmlReport.Text(RunComparison.Of(Side(a), Side(b), options), new ExplorerLinks(server, a.Key, b.Key)));
    }

    public static object Divergences(Shelf shelf, Request request)
    {
        using var a = shelf.Open(request.Text("run"), request.Cancellation);
        using var b = shelf.Open(request.Needed("vs"), request.Cancellation);
        var from = request.Number("after") is { } after ? after + 1 : request.Number("from") ?? Math.Min(a.FirstOrdinal, b.FirstOrdinal);
        var count = request.Count("count", 20, MostDivergences);
        var divergences = RunComparison.Divergences(Side(a), Side(b), from, count, request.Cancellation);
        return new { run = a.Key, vs = b.Key, divergences, isLast = divergences.Count < count };
    }

    private static DiffSide Side(RunSession run) => new(run.Session.Database, run.Run);
}
