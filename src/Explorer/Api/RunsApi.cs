using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Explorer.Data;

namespace Replay.Explorer.Api;

/// <summary><c>/runs.json</c>: what is served. <c>/state.json</c>: whether it still is.</summary>
internal static class RunsApi
{
    private const string Activity =
        """
        SELECT run, kind, sum(count) FROM activity GROUP BY run, kind
        """;

    private const string Vcpus = "SELECT DISTINCT run, vcpu FROM root_change WHERE vcpu IS NOT NULL ORDER BY run, vcpu";

    public static object Answer(Shelf shelf, ExplorerOptions options, CancellationToken cancellation) => new
    {
        databases = shelf.Databases.Select(database => OfDatabase(shelf, database, cancellation)).ToList(),
        limits = new { rows = options.MaxRows, seconds = options.Timeout.TotalSeconds },
        symbols = options.Symbols is not null,
        views = ViewDefinition.All.Select(view => new { view.Name, description = view.Description is [var first, ..] ? first : null, columns = view.Columns.Select(column => new { column.Name, column.Type, column.Description }) }),
    };

    public static object State(Shelf shelf) => new
    {
        databases = shelf.Databases.Select(database => new { database.Name, database.Path, stamp = database.Stamp }).ToList(),
    };

    private static object OfDatabase(Shelf shelf, ServedDatabase served, CancellationToken cancellation)
    {
        try
        {
            using var session = served.Borrow(cancellation);
            var counts = session.Read(Activity, row => (Run: row[0].Integer, Kind: row[1].ToString(), Count: row[2].Integer)).ToLookup(row => row.Run);
            var vcpus = session.Read(Vcpus, row => (Run: row[0].Integer, Vcpu: row[1].Integer)).ToLookup(row => row.Run, row => row.Vcpu);
            return new
            {
                served.Name,
                served.Path,
                stamp = session.Stamp,
                warnings = session.Database.Warnings.ToList(),
                runs = session.Database.Runs.Select(run => OfRun(shelf.Key(served, run), run, counts[run.Run].ToDictionary(row => row.Kind, row => row.Count), [.. vcpus[run.Run]])).ToList(),
            };
        }
        catch (RequestProblem problem)
        {
            return new { served.Name, served.Path, warnings = new[] { problem.Message }, runs = Array.Empty<object>() };
        }
    }

    private static object OfRun(string key, RunRow run, Dictionary<string, long> counts, List<long> vcpus) => new
    {
        key,
        run.Run,
        run.Name,
        run.Mode,
        format = run.EntryFormat,
        run.Complete,
        run.Detail,
        run.Kernel,
        caveat = run.KernelCaveat,
        run.Profile,
        run.Backing,
        run.Capture,
        source = run.CaptureSource,
        first = run.FirstOrdinal ?? 0,
        last = run.LastOrdinal ?? 0,
        storedTo = run.RowsToOrdinal,
        run.Accesses,
        run.Events,
        hash = run.HistoryHash,
        counts,
        vcpus,
    };
}
