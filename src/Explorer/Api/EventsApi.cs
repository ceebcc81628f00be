using Replay.Analyzer.Query;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/events.json</c>: the events around one, a line each. <c>/step.json</c>: the next or the last before it.</summary>
internal static class EventsApi
{
    private const int MostLines = 400;

    private static readonly string[] All = ["vm_exit", "fault", "table_write", "page_operation", "root_change", "tlb_flush", "guest_fault"];

    private static readonly Dictionary<string, string[]> Kinds = new(StringComparer.Ordinal)
    {
        ["any"] = All,
        ["write"] = ["table_write"],
        ["exit"] = ["vm_exit"],
        ["fault"] = ["fault"],
        ["flush"] = ["tlb_flush"],
        ["page"] = ["page_operation"],
        ["root"] = ["root_change"],
    };

    public static object Answer(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var at = request.Number("at") ?? run.FirstOrdinal;
        var views = Views(request);
        var before = Ordinals(run, views, at, request.Count("before", 20, MostLines), forwards: false);
        var after = Ordinals(run, views, at, request.Count("after", 40, MostLines), forwards: true);
        return new { run = run.Key, at, events = Lines(run, [.. before.Reverse<long>(), .. after]) };
    }

    public static object Step(Shelf shelf, Request request)
    {
        var at = request.Number("at") ?? 0;
        var forwards = request.Text("to") switch { null or "next" => true, "previous" => false, var to => throw RequestProblem.BadRequest($"to={to}: next or previous.") };
        var times = request.Count("times", 1, MostLines);
        long? ordinal = at;
        for (var i = 0; i < times && ordinal is not null; i++)
            ordinal = StepOf(shelf, request, ordinal.Value, forwards) ?? (i > 0 ? ordinal : null);
        return new { at, ordinal };
    }

    /// <summary>The nearest event of any of <paramref name="views"/> behind or before another.</summary>
    public static long? Nearest(RunSession run, IReadOnlyList<string> views, long at, bool forwards)
    {
        long? nearest = null;
        foreach (var view in views)
        {
            var sql = forwards
                ? $"SELECT ordinal FROM {view} WHERE run = :run AND ordinal > :at ORDER BY ordinal, seq LIMIT 1"
                : $"SELECT ordinal FROM {view} WHERE run = :run AND ordinal < :at ORDER BY ordinal DESC, seq DESC LIMIT 1";
            var found = run.Session.Read(sql, row => row[0].Integer, ("run", run.Number), ("at", SqlValue.Of(at)));
            if (found is [var ordinal])
                nearest = nearest is not { } so ? ordinal : forwards ? Math.Min(so, ordinal) : Math.Max(so, ordinal);
        }

        return nearest;
    }

    /// <summary>The events as lines: what each did, in counts and a few words.</summary>
    public static List<EventSummary> Lines(RunSession run, IReadOnlyList<long> ordinals)
    {
        if (ordinals.Count == 0)
            return [];
        var lines = ordinals.ToDictionary(ordinal => ordinal, ordinal => new EventSummary { Ordinal = ordinal });
        Fill("SELECT ordinal, kind, gva, gpa, rip, vcpu FROM access", (line, row) =>
            (line.Access, line.Gva, line.Gpa, line.Rip, line.Vcpu) = (row[1].ToString(), Text.HexOf(row[2]), Text.HexOf(row[3]), row[4].Integer == 0 ? null : Text.HexOf(row[4]), Text.NumberOf(row[5])));
        Fill("SELECT ordinal, reason, vcpu FROM vm_exit", (line, row) => { line.Exits.Add(row[1].ToString()); line.Vcpu ??= Text.NumberOf(row[2]); });
        Fill("SELECT ordinal, outcome, address FROM fault", (line, row) => { line.Outcomes.Add(Text.Of(row[1]) ?? "?"); line.Address ??= Text.HexOf(row[2]); });
        Fill("SELECT ordinal, count(*), min(level), max(level), count(DISTINCT function), max(function) FROM table_write", (line, row) =>
            (line.Writes, line.LowestLevel, line.HighestLevel, line.Function) = (row[1].Integer, Text.NumberOf(row[2]), Text.NumberOf(row[3]), row[4].Integer == 1 ? row[5].ToString() : null), " GROUP BY ordinal");
        Fill("SELECT ordinal, sum(operation = 'create'), sum(operation = 'zap') FROM page_operation", (line, row) => (line.PagesMade, line.PagesZapped) = (row[1].Integer, row[2].Integer), " GROUP BY ordinal");
        Fill("SELECT ordinal, count(*) FROM tlb_flush", (line, row) => line.Flushes = row[1].Integer, " GROUP BY ordinal");
        Fill("SELECT ordinal, count(*) FROM guest_fault", (line, row) => line.GuestFaults = row[1].Integer, " GROUP BY ordinal");
        Fill("SELECT ordinal, operation FROM root_change", (line, row) => line.Roots.Add(row[1].ToString()));
        return [.. ordinals.Select(ordinal => lines[ordinal])];

        void Fill(string select, Action<EventSummary, IQueryRows> take, string groups = "")
        {
            // `any` events of a list lie side by side; of a list by kind, others may lie between.
            var sql = $"{select} WHERE run = :run AND ordinal IN (SELECT value FROM json_each(:ordinals)){groups}";
            run.Session.Read(sql, row => { take(lines[row[0].Integer], row); return 0; }, ("run", run.Number), ("ordinals", SqlValue.Of($"[{string.Join(',', ordinals)}]")));
        }
    }

    private static long? StepOf(Shelf shelf, Request request, long at, bool forwards)
    {
        long? nearest = null;
        foreach (var key in request.Runs())
        {
            using var run = shelf.Open(key, request.Cancellation);
            if (Nearest(run, Views(request), at, forwards) is { } ordinal)
                nearest = nearest is not { } so ? ordinal : forwards ? Math.Min(so, ordinal) : Math.Max(so, ordinal);
        }

        return nearest;
    }

    private static string[] Views(Request request)
    {
        var kind = request.Text("kind") ?? "any";
        return Kinds.TryGetValue(kind, out var views) ? views : throw RequestProblem.BadRequest($"kind={kind}: there are {string.Join(", ", Kinds.Keys)}.");
    }

    /// <summary>Events at or behind, or before an ordinal, nearest first.</summary>
    private static List<long> Ordinals(RunSession run, IReadOnlyList<string> views, long at, int count, bool forwards)
    {
        var ordinals = new SortedSet<long>();
        foreach (var view in views)
        {
            var sql = $"SELECT DISTINCT ordinal FROM {view} WHERE run = :run AND ordinal {(forwards ? ">=" : "<")} :at ORDER BY ordinal {(forwards ? "" : "DESC")} LIMIT {count}";
            ordinals.UnionWith(run.Session.Read(sql, row => row[0].Integer, ("run", run.Number), ("at", SqlValue.Of(at))));
        }

        return [.. (forwards ? ordinals : ordinals.Reverse()).Take(count)];
    }
}
