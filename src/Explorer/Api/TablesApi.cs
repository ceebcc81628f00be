using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Tree;
using Replay.Analyzer.Schema;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/tables.json</c>: the tables on the way to an address as they were after an event. <c>/entry.json</c>: one entry, with its history.</summary>
internal static class TablesApi
{
    private const int WritesShown = 64;
    private const ulong FrameMask = 0xf_ffff_ffff_f000;
    private const ulong Offset = 4095;
    private const int MostWritesOfHistory = 500;

    private const string Writes =
        """
        SELECT seq, table_id, level, idx, gfn, old_hex, new_hex, old_kind, new_kind, old_rights, new_rights, function, actor
        FROM table_write WHERE run = :run AND ordinal = :at ORDER BY run, ordinal, seq LIMIT :limit
        """;

    private const string Page =
        """
        SELECT level, gfn_hex, hpa_hex, direct, role_hex, role_access, tdp_mmu, guest_mode, created_ordinal, created_by, zapped_ordinal, gfn
        FROM table_page WHERE run = :run AND table_id = :table
        """;

    private const string History =
        """
        SELECT w.ordinal, w.seq, w.old_hex, w.new_hex, w.old_kind, w.new_kind, w.old_rights, w.new_rights, w.function, w.chain, w.actor, w.fault_id, w.exit_id, w.tracepoint
        FROM table_write AS w WHERE w.run = :run AND w.table_id = :table AND w.idx = :idx AND w.ordinal <= :at
        ORDER BY w.ordinal DESC, w.seq DESC LIMIT :limit
        """;

    public static object Answer(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var at = request.Number("at") ?? run.LastOrdinal;
        var vcpu = (int)(request.Number("vcpu") ?? 0);
        var reader = new TableTreeReader(run.Session.Runner, run.Run, at, request.Cancellation);
        var current = reader.FindRoot(vcpu);
        var writes = WritesOf(run, at);
        var top = request.Number("root") ?? current?.TableId;
        var isDirect = top is { } id && (run.Session.First("SELECT direct FROM table_page WHERE run = :run AND table_id = :table", row => row[0].Integer, ("run", run.Number), ("table", SqlValue.Of(id))) != 0);
        var (address, unknown) = Address(request, run, reader, at, isDirect);
        TreeTable? end = null;
        var path = top is { } table && unknown is null ? Path(shelf, run, reader, at, table, address ?? 0, out end) : [];
        var gap = current is null ? TreeGap.Root(run.Session.Runner, run.Run) : TreeGap.Links(run.Session.Runner, run.Run);
        return new
        {
            run = run.Key,
            gap = gap is null ? null : new { gap.What, gap.Companion, gap.Remedy },
            format = run.Run.EntryFormat,
            at,
            run.Run.Mode,
            previous = EventsApi.Nearest(run, ["table_write"], at, forwards: false),
            next = EventsApi.Nearest(run, ["table_write"], at, forwards: true),
            root = current is null ? null : new { current.TableId, register = current.Register is { } value ? Text.Hex(value) : null, since = current.Ordinal },
            roots = RootsOf(shelf, run, at),
            direct = isDirect,
            nested = end?.Mmu == "guest_mmu",
            address = address is { } found ? Text.Hex(found) : null,
            unknown,
            writes,
            path,
            dimension = Dimension(shelf, run, reader, at, vcpu, end, address ?? 0),
        };
    }

    public static object Entry(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var table = request.Number("table") ?? throw RequestProblem.BadRequest("the address lacks table=.");
        var index = request.Number("idx") ?? throw RequestProblem.BadRequest("the address lacks idx=.");
        var at = request.Number("at") ?? run.LastOrdinal;
        if (index is < 0 or >= 512)
            throw RequestProblem.BadRequest($"idx={index}: a table has the entries 0 to 511.");
        var pages = run.Session.Read(
            "SELECT gfn, level, direct, zapped_ordinal FROM table_page WHERE run = :run AND table_id = :table",
            row => (Gfn: row[0].Integer, Level: (int)row[1].Integer, IsDirect: row[2].Integer != 0, Zapped: Text.NumberOf(row[3])),
            ("run", run.Number), ("table", SqlValue.Of(table)));
        if (pages is not [var page])
            throw RequestProblem.NotFound($"there is no table T{table} in {run.Key}.");
        var history = run.Session.Read(
            History,
            row => new
            {
                ordinal = row[0].Integer,
                seq = row[1].Integer,
                old = Text.Of(row[2]),
                @new = Text.Of(row[3]),
                oldKind = row[4].ToString(),
                newKind = row[5].ToString(),
                oldRights = Text.Of(row[6]),
                newRights = Text.Of(row[7]),
                function = row[8].ToString(),
                chain = Text.Of(row[9]),
                actor = row[10].ToString(),
                fault = Text.NumberOf(row[11]),
                exit = Text.NumberOf(row[12]),
                tracepoint = Text.Of(row[13]),
            },
            ("run", run.Number), ("table", SqlValue.Of(table)), ("idx", SqlValue.Of(index)), ("at", SqlValue.Of(at)), ("limit", SqlValue.Of(request.Count("limit", 50, MostWritesOfHistory))));
        var next = run.Session.Read(
            "SELECT ordinal FROM table_write WHERE run = :run AND table_id = :table AND idx = :idx AND ordinal > :at ORDER BY ordinal, seq LIMIT 1",
            row => row[0].Integer, ("run", run.Number), ("table", SqlValue.Of(table)), ("idx", SqlValue.Of(index)), ("at", SqlValue.Of(at)));
        // What made or emptied it: a bit that was set or cleared since is no reason of it.
        var cause = run.Session.Read(
            """
            SELECT ordinal, seq, actor, function FROM table_write
            WHERE run = :run AND table_id = :table AND idx = :idx AND ordinal <= :at AND old_kind <> new_kind ORDER BY ordinal DESC, seq DESC LIMIT 1
            """,
            row => new { ordinal = row[0].Integer, seq = row[1].Integer, actor = row[2].ToString(), function = row[3].ToString() },
            ("run", run.Number), ("table", SqlValue.Of(table)), ("idx", SqlValue.Of(index)), ("at", SqlValue.Of(at))).FirstOrDefault();
        var address = page.IsDirect ? Text.Hex((page.Gfn + (index << (9 * (page.Level - 1)))) << 12) : null;
        return new { run = run.Key, table, idx = index, at, address, page.Zapped, cause, bits = history.Count > 0 ? Bits(run, history[0].ordinal, history[0].seq) : [], history, next = next is [var ordinal] ? ordinal : (long?)null };
    }

    /// <summary>
    /// The address whose way is shown: asked for, or where the event at the cursor wrote. Where another kind of address is asked for than these tables
    /// translate, an access tells which it is; where none did up to the cursor, it is not known (yet), and the first one that tells is.
    /// </summary>
    private static (ulong? Address, Unknown? Unknown) Address(Request request, RunSession run, TableTreeReader reader, long at, bool isDirect)
    {
        var (own, other) = isDirect ? ("gpa", "gva") : ("gva", "gpa");
        if (request.Number(own) is { } given)
            return (unchecked((ulong)given), null);
        if (request.Number(other) is not { } asked)
            return (reader.AddressOfEvent(isDirect), null);
        if (Told(run, own, other, asked, at) is { } told)
            return (isDirect ? (told & ~Offset) | (unchecked((ulong)asked) & Offset) : told, null);
        var first = run.Session.Read(
            $"SELECT min(ordinal) FROM access WHERE run = :run AND {other} BETWEEN :asked & ~4095 AND :asked | 4095 AND {own} IS NOT NULL",
            row => Text.NumberOf(row[0]), ("run", run.Number), ("asked", SqlValue.Of(asked)));
        return (null, new Unknown(other, Text.Hex(asked), first is [var ordinal] ? ordinal : null));
    }

    private static ulong? Told(RunSession run, string own, string other, long asked, long at) => run.Session.Read(
        $"SELECT {own} FROM access WHERE run = :run AND {other} BETWEEN :asked & ~4095 AND :asked | 4095 AND ordinal <= :at AND {own} IS NOT NULL ORDER BY ordinal DESC LIMIT 1",
        row => row[0].Integer, ("run", run.Number), ("asked", SqlValue.Of(asked)), ("at", SqlValue.Of(at))) is [var address] ? unchecked((ulong)address) : null;

    /// <summary>
    /// The second dimension of a guest's own guest (L2): its physical address goes through the nested page tables that its hypervisor (L1) made, and the
    /// address in L1's memory that they lead to is in KVM's tables for L1, too. Null: no such tables are shown, or they lead nowhere that is known.
    /// </summary>
    private static object? Dimension(Shelf shelf, RunSession run, TableTreeReader reader, long at, int vcpu, TreeTable? end, ulong address)
    {
        if (end is not { Mmu: "guest_mmu", Shadowed: { IsKnown: true } nested, Entries: [var last] } || reader.FindRoot(vcpu, "L1") is not { } root
            || !nested.Entries.TryGetValue(last.Index, out var entry) || (entry & 1) == 0)
        {
            return null;
        }

        var offset = (1UL << ((9 * end.Level) + 3)) - 1;
        var gpa = (entry & FrameMask & ~offset) | (address & offset);
        return new { guest = "L1", address = Text.Hex(gpa), root = root.TableId, path = Path(shelf, run, reader, at, root.TableId, gpa, out _) };
    }

    private static List<object> Path(Shelf shelf, RunSession run, TableTreeReader reader, long at, long root, ulong address, out TreeTable? end)
    {
        var path = new List<object>();
        var entries = shelf.Once($"entries|{run.Identity}", () => new TableEntries());
        end = null;
        for (var step = reader.ReadPath(root, address); step is not null; step = step.Entries![0].Table)
        {
            var page = run.Session.First(
                Page,
                row => new
                {
                    gfn = Text.Of(row[1]),
                    hpa = Text.Of(row[2]),
                    direct = row[3].Integer != 0,
                    role = Text.Of(row[4]),
                    access = Text.Of(row[5]),
                    tdpMmu = row[6].Integer != 0,
                    nested = Text.NumberOf(row[7]) == 1,
                    created = row[8].Integer,
                    createdBy = Text.Of(row[9]),
                    zapped = Until(row[10], at),
                },
                ("run", run.Number), ("table", SqlValue.Of(step.TableId)));
            end = step;
            path.Add(new
            {
                step.Guest,
                beside = Beside(step),
                step.TableId,
                step.Level,
                step.Name,
                page,
                idx = step.Entries![0].Index,
                entries = entries.Read(run, reader, step.TableId, at).Select(entry => Describe(entry, run)).ToList(),
            });
        }

        return path;
    }

    /// <summary>The guest's table behind one of KVM's, entry by entry.</summary>
    private static object? Beside(TreeTable table) => table.Shadowed is not { } guest ? null : new
    {
        guest.Name,
        gfn = Text.Hex(guest.Gfn),
        known = guest.IsKnown,
        entries = guest.Entries.OrderBy(entry => entry.Key).Select(entry => new { i = entry.Key, v = Text.Hex(entry.Value), rights = GuestTable.Rights(entry.Value) }).ToList(),
    };

    private static object Describe(TreeEntry entry, RunSession run) => new
    {
        i = entry.Index,
        v = Text.Hex(entry.Value),
        gfn = Text.Hex(entry.Gfn),
        entry.Kind,
        entry.Rights,
        bits = EntryWords.Describe(entry, run.IsEpt, run.Run.HasEarlySoftwareBits) is { Length: > 0 } bits ? bits : null,
        since = entry.SinceOrdinal,
        by = entry.Function,
    };

    private static List<object> RootsOf(Shelf shelf, RunSession run, long at) =>
    [
        .. RunTables.Of(shelf, run).RootsAt(at).Select(root => (object)new
        {
            tableId = root.Id,
            root.Level,
            gfn = root.GfnHex,
            hpa = root.HpaHex,
            root.Direct,
            nested = root.GuestMode,
            root.Smm,
            root.Created,
            zapped = root.Zapped is { } zapped && zapped <= at ? zapped : (long?)null,
        }),
    ];

    /// <summary>What happened up to the cursor; null: it did not, or will.</summary>
    private static long? Until(SqlValue ordinal, long at) => Text.NumberOf(ordinal) is { } when && when <= at ? when : null;

    private static List<object> WritesOf(RunSession run, long at) => run.Session.Read(
        Writes,
        row => (object)new
        {
            seq = row[0].Integer,
            table = row[1].Integer,
            level = row[2].Integer,
            idx = row[3].Integer,
            gfn = Text.HexOf(row[4]),
            old = Text.Of(row[5]),
            @new = Text.Of(row[6]),
            oldKind = row[7].ToString(),
            newKind = row[8].ToString(),
            oldRights = Text.Of(row[9]),
            newRights = Text.Of(row[10]),
            function = row[11].ToString(),
            actor = row[12].ToString(),
        },
        ("run", run.Number), ("at", SqlValue.Of(at)), ("limit", SqlValue.Of(WritesShown)));

    /// <summary>Every bit that is decoded of the value that a write left, in the words of the schema.</summary>
    private static List<object> Bits(RunSession run, long ordinal, long seq)
    {
        var view = ViewDefinition.All.First(candidate => candidate.Name == "table_write_bits");
        var columns = view.Columns.Where(column => column.Name.StartsWith("new_", StringComparison.Ordinal) && !column.Name.EndsWith("_hex", StringComparison.Ordinal)).ToList();
        var values = run.Session.First(
            $"SELECT {string.Join(", ", columns.Select(column => column.Name))} FROM table_write_bits WHERE run = :run AND ordinal = :ordinal AND seq = :seq",
            row => columns.Select((_, i) => row[i]).ToList(), ("run", run.Number), ("ordinal", SqlValue.Of(ordinal)), ("seq", SqlValue.Of(seq)));
        return values is null ? [] : [.. columns.Select((column, i) => (object)new
        {
            name = column.Name[4..],
            value = values[i].Kind == SqlValueKind.Null ? null : column.Name is "new_frame" ? Text.Hex(values[i].Integer) : values[i].ToString(),
            isBit = column.Type == "boolean",
            meaning = column.Description.Replace("New value. ", "", StringComparison.Ordinal),
        })];
    }

    /// <param name="Kind">The kind of address that was asked for.</param>
    /// <param name="Address">The address.</param>
    /// <param name="First">The first event with an access to its page; null: there is none.</param>
    private sealed record Unknown(string Kind, string Address, long? First);
}
