using Replay.Analyzer.Query;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/timeline.json</c>: how much of each sort happened in each of equal stretches of a range of ordinals.</summary>
/// <remarks>
/// Wide ranges are read from the counts that were kept while the run was stored, at most 1,024 stretches of them. A range of too few of these
/// to look at is counted from its rows, which are then few as well.
/// </remarks>
internal static class TimelineApi
{
    private const int DefaultSteps = 600;
    private const int MostSteps = 4000;

    /// <summary>With so many stretches in view the counts that were kept are fine enough.</summary>
    private const int EnoughStretches = 150;

    /// <summary>Above it, counting would be felt.</summary>
    private const long MostRows = 200_000;

    private static readonly QueryLimits Patience = new() { Time = TimeSpan.FromSeconds(2) };

    private static readonly Dictionary<string, string> Lanes = new(StringComparer.Ordinal)
    {
        ["exits"] = "vm_exit",
        ["faults"] = "fault",
        ["writes"] = "table_write",
        ["zaps"] = "page_operation",
        ["flushes"] = "tlb_flush",
        ["guestFaults"] = "guest_fault",
    };

    public static object Answer(Shelf shelf, Request request)
    {
        var sessions = new List<RunSession>();
        try
        {
            foreach (var key in request.Runs())
                sessions.Add(shelf.Open(key, request.Cancellation));
            var first = sessions.Min(run => run.FirstOrdinal);
            var last = sessions.Max(run => run.LastOrdinal);
            var from = Math.Clamp(request.Number("from") ?? first, first, last);
            var to = Math.Clamp(request.Number("to") ?? last, from, last);
            var steps = request.Count("steps", DefaultSteps, MostSteps);
            var byVcpu = request.Text("by") == "vcpu";
            return new { first, last, from, to, runs = sessions.SelectMany(run => OfRun(run, from, to, steps, byVcpu)).ToList() };
        }
        finally
        {
            foreach (var session in sessions)
                session.Dispose();
        }
    }

    private static IEnumerable<object> OfRun(RunSession run, long from, long to, int steps, bool byVcpu)
    {
        var fine = Fine(run, from, to, steps, byVcpu);
        if (fine is null)
            return [Coarse(run, from, to, steps)];
        return fine;
    }

    private static object Coarse(RunSession run, long from, long to, int steps)
    {
        if (run.Run.Stretch is not { } stretch)
            throw RequestProblem.BadRequest($"run {run.Key} was stored by an older version, without counts over time. Run the capture again.");
        var merged = Math.Max(1, (to / stretch - from / stretch + steps) / steps);
        var width = stretch * merged;
        var start = from / width * width;
        var count = (int)((to - start) / width) + 1;
        var lanes = Lanes.Keys.ToDictionary(name => name, _ => new long[count], StringComparer.Ordinal);
        const string Sql =
            """
            SELECT first_ordinal, kind, name, count FROM activity
            WHERE run = :run AND first_ordinal BETWEEN :from AND :to AND (kind <> 'page' OR name = 'zap') AND kind <> 'root'
            """;
        run.Session.Read(
            Sql,
            row =>
            {
                var lane = row[1].ToString() switch { "exit" => "exits", "fault" => "faults", "write" => "writes", "page" => "zaps", "flush" => "flushes", _ => "guestFaults" };
                lanes[lane][(row[0].Integer - start) / width] += row[3].Integer;
                return 0;
            },
            ("run", run.Number), ("from", SqlValue.Of(start)), ("to", SqlValue.Of(to)));
        return new { run.Key, run.Run.Mode, source = "summary", start, width, lanes, memory = MemoryOfStretches(run, start, width, count) };
    }

    /// <summary>The most table pages that were held at once within each step: tables that come and go within one are seen, too.</summary>
    private static long[] MemoryOfStretches(RunSession run, long start, long width, int count)
    {
        var held = run.Session.First(
            "SELECT held FROM table_memory WHERE run = :run AND level = 0 AND first_ordinal < :start ORDER BY first_ordinal DESC LIMIT 1",
            row => row[0].Integer, ("run", run.Number), ("start", SqlValue.Of(start)));
        var most = new long[count];
        var step = 0L;
        most[0] = held;
        run.Session.Read(
            "SELECT first_ordinal, held, most FROM table_memory WHERE run = :run AND level = 0 AND first_ordinal >= :start AND first_ordinal < :end ORDER BY first_ordinal",
            row =>
            {
                Reach((row[0].Integer - start) / width);
                most[step] = Math.Max(most[step], row[2].Integer);
                return held = row[1].Integer;
            },
            ("run", run.Number), ("start", SqlValue.Of(start)), ("end", SqlValue.Of(start + (width * count))));
        Reach(count - 1);
        return most;

        void Reach(long next)
        {
            while (step < next)
                most[++step] = held;
        }
    }

    /// <returns>Null: the range has too many rows.</returns>
    private static List<object>? Fine(RunSession run, long from, long to, int steps, bool byVcpu)
    {
        var stretch = run.Run.Stretch;
        if (stretch is { } known && !byVcpu)
        {
            if ((to - from) / known >= EnoughStretches)
                return null;
            var rows = run.Session.First(
                "SELECT total(count) FROM activity WHERE run = :run AND first_ordinal BETWEEN :from AND :to",
                row => (long)row[0].Real, ("run", run.Number), ("from", SqlValue.Of(from / known * known)), ("to", SqlValue.Of(to)));
            if (rows > MostRows && to - from > 4 * known)
                return null;
        }

        var width = Math.Max(1, (to - from + steps) / steps);
        var count = (int)((to - from) / width) + 1;
        var lanes = new SortedDictionary<long, Dictionary<string, long[]>>();
        // In a summary of all vCPUs they stand under one number.
        const long Together = -1;
        if (!byVcpu)
            Of(Together);
        foreach (var (lane, view) in Lanes)
        {
            var vcpu = byVcpu && view != "page_operation" ? "coalesce(vcpu, -1)" : "-1";
            var sql = $"SELECT ordinal, {vcpu} FROM {view} WHERE run = :run AND ordinal BETWEEN :from AND :to{(lane == "zaps" ? " AND operation = 'zap'" : "")}";
            var limits = byVcpu ? QueryLimits.None : Patience;
            var read = run.Session.TryRead(
                sql, limits, row => Of(row[1].Integer)[lane][(row[0].Integer - from) / width]++,
                ("run", run.Number), ("from", SqlValue.Of(from)), ("to", SqlValue.Of(to)));
            if (read is null)
                return null;
        }

        var memory = MemoryOfPages(run, from, width, count);
        return [.. lanes.Select(pair => (object)new
        {
            run.Key,
            run.Run.Mode,
            vcpu = pair.Key == Together ? (long?)null : pair.Key,
            source = "rows",
            start = from,
            width,
            lanes = pair.Value,
            memory = pair.Key is Together or 0 ? memory : null,
        })];

        Dictionary<string, long[]> Of(long vcpu)
        {
            if (!lanes.TryGetValue(vcpu, out var ofVcpu))
                lanes[vcpu] = ofVcpu = Lanes.Keys.ToDictionary(name => name, _ => new long[count], StringComparer.Ordinal);
            return ofVcpu;
        }
    }

    /// <summary>As <see cref="MemoryOfStretches"/>, from the pages themselves.</summary>
    private static long[] MemoryOfPages(RunSession run, long from, long width, int count)
    {
        var changes = new SortedDictionary<long, int>();
        var held = 0L;
        run.Session.Read(
            "SELECT created_ordinal, freed_ordinal FROM table_page WHERE run = :run AND NOT special",
            row =>
            {
                Add(row[0].Integer, 1);
                if (Text.NumberOf(row[1]) is { } freed)
                    Add(freed, -1);
                return 0;
            },
            ("run", run.Number));
        var most = new long[count];
        var step = 0L;
        most[0] = held;
        foreach (var (ordinal, change) in changes)
        {
            for (var next = (ordinal - from) / width; step < next;)
                most[++step] = held;
            held += change;
            most[step] = Math.Max(most[step], held);
        }

        while (step < count - 1)
            most[++step] = held;
        return most;

        void Add(long ordinal, int pages)
        {
            if (ordinal < from)
                held += pages;
            else if (ordinal < from + (width * count))
                changes[ordinal] = changes.GetValueOrDefault(ordinal) + pages;
        }
    }
}
