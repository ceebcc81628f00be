using Replay.Analyzer.Query;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/why.json</c>: all that one event led to, in order, as a story.</summary>
internal static class WhyApi
{
    private const int RowsOfAKind = 500;
    private const int Neighbours = 4;

    public static object Answer(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var at = request.Number("at") ?? EventsApi.Nearest(run, ["fault", "vm_exit", "table_write"], run.FirstOrdinal - 1, forwards: true) ?? run.FirstOrdinal;
        var steps = new List<(long Seq, object Step)>();
        steps.AddRange(Exits(shelf, run, at));
        steps.AddRange(Faults(run, at));
        steps.AddRange(Writes(run, at));
        steps.AddRange(Pages(run, at));
        steps.AddRange(Roots(run, at));
        steps.AddRange(Flushes(run, at));
        steps.AddRange(GuestFaults(run, at));
        steps.AddRange(Notes(run, at));
        steps.Sort((a, b) => a.Seq.CompareTo(b.Seq));
        var any = new[] { "vm_exit", "table_write", "tlb_flush", "root_change", "guest_fault", "page_operation" };
        return new
        {
            run = run.Key,
            run.Run.Mode,
            at,
            access = Access(shelf, run, at),
            steps = steps.Select(step => step.Step).ToList(),
            writes = run.Session.First("SELECT count(*) FROM table_write WHERE run = :run AND ordinal = :at", row => row[0].Integer, ("run", run.Number), ("at", SqlValue.Of(at))),
            shown = RowsOfAKind,
            before = Around(run, any, at, forwards: false),
            after = Around(run, any, at, forwards: true),
        };
    }

    private static object? Access(Shelf shelf, RunSession run, long at) => run.Session.First(
        "SELECT kind, gva_hex, gpa_hex, size, value_hex, rip, user, implicit, mmio, vcpu FROM access WHERE run = :run AND ordinal = :at",
        row => new
        {
            kind = row[0].ToString(),
            gva = row[1].ToString(),
            gpa = Text.Of(row[2]),
            size = row[3].Integer,
            value = Text.Of(row[4]),
            rip = row[5].Integer == 0 ? null : Text.HexOf(row[5]),
            symbol = shelf.Symbol(run, Text.NumberOf(row[9]), at, row[5].Integer),
            user = row[6].Integer != 0,
            @implicit = row[7].Integer != 0,
            mmio = row[8].Integer != 0,
            vcpu = Text.NumberOf(row[9]),
        },
        ("run", run.Number), ("at", SqlValue.Of(at)));

    private static List<(long, object)> Exits(Shelf shelf, RunSession run, long at) => Of(
        run, at, "exit", "SELECT seq, exit_id, reason, info1, info2, access, entry_rights, final, rip, vcpu FROM vm_exit", row => new
        {
            kind = "exit",
            seq = row[0].Integer,
            exit = row[1].Integer,
            reason = row[2].ToString(),
            meaning = ExitText.Meaning(row[2].ToString()),
            info1 = Text.HexOf(row[3]),
            info2 = Text.HexOf(row[4]),
            words = Text.NumberOf(row[3]) is { } information ? ExitText.Words(row[2].ToString(), information) : [],
            access = Text.Of(row[5]),
            rights = Text.Of(row[6]),
            final = Text.NumberOf(row[7]),
            rip = Text.NumberOf(row[8]) is null or 0 ? null : Text.HexOf(row[8]),
            symbol = shelf.Symbol(run, Text.NumberOf(row[9]), at, Text.NumberOf(row[8])),
            vcpu = Text.NumberOf(row[9]),
        });

    private static List<(long, object)> Faults(RunSession run, long at) => Of(
        run, at, "fault", "SELECT seq, fault_id, exit_id, access, address_hex, gva_hex, error_code, handler, outcome, mapped_level, writes, end_seq FROM fault", row => new
        {
            kind = "fault",
            seq = row[0].Integer,
            fault = row[1].Integer,
            exit = Text.NumberOf(row[2]),
            access = Text.Of(row[3]),
            address = row[4].ToString(),
            gva = Text.Of(row[5]),
            error = Text.HexOf(row[6]),
            words = ExitText.ErrorWords(row[6].Integer),
            handler = Text.Of(row[7]),
            outcome = Text.Of(row[8]),
            mappedLevel = Text.NumberOf(row[9]),
            writes = row[10].Integer,
            end = row[11].Integer,
        });

    private static List<(long, object)> Writes(RunSession run, long at) => Of(
        run, at, "write", "SELECT seq, table_id, level, idx, gfn, gfn_hex, old_hex, new_hex, old_kind, new_kind, old_rights, new_rights, actor, function, chain, fault_id, tracepoint, tracepoint_line FROM table_write", row => new
        {
            kind = "write",
            seq = row[0].Integer,
            table = row[1].Integer,
            level = row[2].Integer,
            idx = row[3].Integer,
            gpa = Text.NumberOf(row[4]) is { } gfn ? Text.Hex(gfn << 12) : null,
            gfn = Text.Of(row[5]),
            old = Text.Of(row[6]),
            @new = Text.Of(row[7]),
            oldKind = row[8].ToString(),
            newKind = row[9].ToString(),
            oldRights = Text.Of(row[10]),
            newRights = Text.Of(row[11]),
            actor = row[12].ToString(),
            function = row[13].ToString(),
            chain = Text.Of(row[14]),
            fault = Text.NumberOf(row[15]),
            tracepoint = Text.Of(row[16]),
            line = Text.Of(row[17]),
        });

    private static List<(long, object)> Pages(RunSession run, long at) => Of(
        run, at, "page", "SELECT seq, operation, table_id, level, gfn_hex, function, chain, fault_id, role_hex FROM page_operation", row => new
        {
            kind = "page",
            seq = row[0].Integer,
            operation = row[1].ToString(),
            table = row[2].Integer,
            level = row[3].Integer,
            gfn = Text.Of(row[4]),
            function = row[5].ToString(),
            chain = Text.Of(row[6]),
            fault = Text.NumberOf(row[7]),
            role = Text.Of(row[8]),
        });

    private static List<(long, object)> Roots(RunSession run, long at) => Of(
        run, at, "root", "SELECT seq, operation, table_id, value_hex, function, chain, vcpu FROM root_change", row => new
        {
            kind = "root",
            seq = row[0].Integer,
            operation = row[1].ToString(),
            table = Text.NumberOf(row[2]),
            value = Text.Of(row[3]),
            function = row[4].ToString(),
            chain = Text.Of(row[5]),
            vcpu = Text.NumberOf(row[6]),
        });

    private static List<(long, object)> Flushes(RunSession run, long at) => Of(
        run, at, "flush", "SELECT seq, kind, start_hex, pages, function, chain, fault_id FROM tlb_flush", row => new
        {
            kind = "flush",
            seq = row[0].Integer,
            flush = row[1].ToString(),
            start = Text.Of(row[2]),
            pages = Text.NumberOf(row[3]),
            function = row[4].ToString(),
            chain = Text.Of(row[5]),
            fault = Text.NumberOf(row[6]),
        });

    private static List<(long, object)> GuestFaults(RunSession run, long at) => Of(
        run, at, "guestFault", "SELECT seq, gva_hex, error_code, rip, recorded FROM guest_fault", row => new
        {
            kind = "guestFault",
            seq = row[0].Integer,
            gva = Text.Of(row[1]),
            error = Text.HexOf(row[2]),
            words = ExitText.ErrorWords(row[2].Integer),
            rip = Text.HexOf(row[3]),
            recorded = row[4].Integer != 0,
        });

    private static List<(long, object)> Notes(RunSession run, long at) => Of(
        run, at, "note", "SELECT seq, kind, gva_hex, recorded_hex, modelled_hex FROM model_note", row => new
        {
            kind = "note",
            seq = row[0].Integer,
            note = row[1].ToString(),
            gva = Text.Of(row[2]),
            recorded = Text.Of(row[3]),
            modelled = Text.Of(row[4]),
        });

    private static List<(long, object)> Of(RunSession run, long at, string kind, string select, Func<IQueryRows, object> step) =>
        run.Session.Read(
            $"{select} WHERE run = :run AND ordinal = :at ORDER BY {(kind == "note" ? "ordinal, seq" : "run, ordinal, seq")} LIMIT {RowsOfAKind}",
            row => (row[0].Integer, step(row)), ("run", run.Number), ("at", SqlValue.Of(at)));

    private static List<EventSummary> Around(RunSession run, string[] views, long at, bool forwards)
    {
        var ordinals = new List<long>();
        for (var ordinal = EventsApi.Nearest(run, views, at, forwards); ordinal is { } found && ordinals.Count < Neighbours; ordinal = EventsApi.Nearest(run, views, found, forwards))
            ordinals.Add(found);
        if (!forwards)
            ordinals.Reverse();
        return EventsApi.Lines(run, ordinals);
    }
}
