using Replay.Analyzer.Query;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary>
/// <c>/memory.json</c>: guest-physical memory as a grid of cells, as it was mapped after an event, with counts. <c>/gfn.json</c>: what happened to one frame.
/// </summary>
internal static class MemoryApi
{
    private const int DefaultCells = 8192;
    private const int MostCells = 65536;
    private const int HistoryRows = 200;

    /// <summary>Pages of 4 KiB in an entry of each level.</summary>
    private const int BitsOfLevel = 9;

    private const string Tables =
        """
        SELECT table_id, level FROM table_page
        WHERE run = :run AND created_ordinal <= :at AND (zapped_ordinal IS NULL OR zapped_ordinal > :at) AND (freed_ordinal IS NULL OR freed_ordinal > :at)
          AND (NOT direct OR (gfn < :to AND gfn + (1 << 9 * level) > :from))
        """;

    private const string GuestTables =
        """
        SELECT DISTINCT gfn FROM table_page
        WHERE run = :run AND NOT direct AND created_ordinal <= :at AND (zapped_ordinal IS NULL OR zapped_ordinal > :at) AND gfn BETWEEN :from AND :to - 1
        """;

    public static object Answer(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var at = request.Number("at") ?? run.LastOrdinal;
        var extent = Extent(shelf, run);
        var from = Math.Max(0, request.Number("from") ?? 0);
        var to = Math.Max(from + 1, request.Number("to") ?? extent);
        var cells = request.Count("cells", DefaultCells, MostCells);
        var frames = 1L;
        while ((to - from + frames - 1) / frames > cells)
            frames *= 2;
        from = from / frames * frames;
        var count = (int)((to - from + frames - 1) / frames);
        to = from + (count * frames);
        var map = new Map(count, from, to - from);
        Fill(shelf, run, at, from, to, frames, map);
        var by = request.Text("by");
        return new
        {
            run = run.Key,
            run.Run.Mode,
            at,
            from = Text.Hex(from),
            to = Text.Hex(to),
            extent = Text.Hex(extent),
            frames,
            map.Mapped,
            map.Writable,
            map.Dirty,
            map.Huge,
            map.Mmio,
            map.Tables,
            by,
            counts = by is null ? null : Counts(shelf, run, by, at, from, to, frames, count),
        };
    }

    public static object History(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var gfn = request.Number("gfn") ?? throw RequestProblem.BadRequest("the address lacks gfn=.");
        const string Sql =
            """
            SELECT w.ordinal, w.seq, w.level, w.table_id, w.idx, w.old_hex, w.new_hex, w.old_kind, w.new_kind, w.old_rights, w.new_rights, w.actor, w.function, a.kind, a.gva_hex, a.rip, a.vcpu
            FROM table_write AS w
            LEFT JOIN access AS a ON a.run = w.run AND a.ordinal = w.ordinal
            WHERE w.run = :run AND w.gfn IN (:gfn, :gfn >> 9 << 9, :gfn >> 18 << 18, :gfn >> 27 << 27, :gfn >> 36 << 36)
              AND w.gfn = :gfn >> (9 * (w.level - 1)) << (9 * (w.level - 1))
            ORDER BY w.ordinal, w.seq LIMIT :limit
            """;
        var rows = run.Session.Read(
            Sql,
            row => new
            {
                ordinal = row[0].Integer,
                seq = row[1].Integer,
                level = row[2].Integer,
                table = row[3].Integer,
                idx = row[4].Integer,
                old = Text.Of(row[5]),
                @new = Text.Of(row[6]),
                oldKind = row[7].ToString(),
                newKind = row[8].ToString(),
                oldRights = Text.Of(row[9]),
                newRights = Text.Of(row[10]),
                actor = row[11].ToString(),
                function = row[12].ToString(),
                access = Text.Of(row[13]),
                gva = Text.Of(row[14]),
                rip = Text.NumberOf(row[15]) is null or 0 ? null : Text.HexOf(row[15]),
                symbol = shelf.Symbol(run, Text.NumberOf(row[16]), row[0].Integer, Text.NumberOf(row[15])),
            },
            ("run", run.Number), ("gfn", SqlValue.Of(gfn)), ("limit", SqlValue.Of(HistoryRows + 1)));
        return new { run = run.Key, gfn = Text.Hex(gfn), history = rows.Take(HistoryRows), isCut = rows.Count > HistoryRows };
    }

    private static void Fill(Shelf shelf, RunSession run, long at, long from, long to, long frames, Map map)
    {
        var image = shelf.Once($"image|{run.Identity}", () => new MemoryHistory()).At(run, at);
        var tables = run.Session.Read(
            Tables, row => (Id: row[0].Integer, Level: (int)row[1].Integer), ("run", run.Number), ("at", SqlValue.Of(at)), ("from", SqlValue.Of(from)), ("to", SqlValue.Of(to)));
        foreach (var (id, level) in tables)
        {
            if (image.Find(id) is not { } table)
                continue;
            for (var i = 0; i < MemoryImage.Entries; i++)
            {
                if (table.Frames[i] != MemoryImage.Frame.None)
                    map.Add(table.Gfns[i], 1L << (BitsOfLevel * (level - 1)), table.Frames[i]);
            }
        }

        map.Fold(frames);
        run.Session.Read(
            GuestTables,
            row => map.Tables[(row[0].Integer - from) / frames]++,
            ("run", run.Number), ("at", SqlValue.Of(at)), ("from", SqlValue.Of(from)), ("to", SqlValue.Of(to)));
    }

    /// <summary>Frames up to the highest that was ever mapped as memory: device memory at the top of the address space would leave the rest no room.</summary>
    private static long Extent(Shelf shelf, RunSession run) => shelf.Once($"extent|{run.Identity}", () => new Number(run.Session.First(
        """
        SELECT w.gfn + (1 << 9 * (w.level - 1)) FROM table_write AS w
        WHERE w.run = :run AND w.gfn BETWEEN 0 AND 1 << 40 AND w.new_kind IN ('page', 'huge')
        ORDER BY w.gfn DESC LIMIT 1
        """,
        row => row[0].Integer, ("run", run.Number)))).Rounded();

    private static long[] Counts(Shelf shelf, RunSession run, string by, long at, long from, long to, long frames, int count)
    {
        var sql = by switch
        {
            "writes" => "SELECT gfn, ordinal FROM table_write WHERE run = :run AND gfn BETWEEN :from AND :to - 1",
            "zaps" => "SELECT gfn, ordinal FROM table_write WHERE run = :run AND new = 0 AND gfn BETWEEN :from AND :to - 1",
            "faults" when run.Run.Mode is "shadow" => "SELECT a.gpa >> 12, f.ordinal FROM fault AS f JOIN access AS a ON a.run = f.run AND a.ordinal = f.ordinal WHERE f.run = :run AND a.gpa BETWEEN :from << 12 AND (:to << 12) - 1",
            "faults" => "SELECT address >> 12, ordinal FROM fault WHERE run = :run AND address BETWEEN :from << 12 AND (:to << 12) - 1",
            _ => throw RequestProblem.BadRequest($"by={by}: there are faults, writes, zaps."),
        };
        return shelf.Once($"memory|{run.Identity}|{by}|{at}|{from}|{to}|{frames}", () =>
        {
            var counts = new long[count];
            run.Session.Read(
                sql, row => row[1].Integer <= at ? counts[(row[0].Integer - from) / frames]++ : 0,
                ("run", run.Number), ("from", SqlValue.Of(from)), ("to", SqlValue.Of(to)));
            return counts;
        });
    }

    private sealed record Number(long Value)
    {
        /// <summary>At least 16 MiB, and up to a whole 16 MiB.</summary>
        public long Rounded() => Math.Max(4096, (Value + 4095) / 4096 * 4096);
    }

    private sealed class Map(int cells, long from, long frames)
    {
        private readonly MemoryImage.Frame[] _frames = new MemoryImage.Frame[frames];

        /// <summary>Takes in an entry. A frame that several entries map, as shadow tables do, counts once, with the rights of all together.</summary>
        public void Add(long first, long pages, MemoryImage.Frame frame)
        {
            for (var gfn = Math.Max(first, from); gfn < Math.Min(first + pages, from + _frames.Length); gfn++)
                _frames[gfn - from] |= frame;
        }

        /// <summary>Counts the frames into their cells.</summary>
        public void Fold(long framesOfCell)
        {
            for (var i = 0; i < _frames.Length; i++)
            {
                var (state, cell) = (_frames[i], i / framesOfCell);
                Mapped[cell] += state.HasFlag(MemoryImage.Frame.Mapped) ? 1 : 0;
                Writable[cell] += state.HasFlag(MemoryImage.Frame.Writable) ? 1 : 0;
                Dirty[cell] += state.HasFlag(MemoryImage.Frame.Dirty) ? 1 : 0;
                Huge[cell] += state.HasFlag(MemoryImage.Frame.Huge) ? 1 : 0;
                Mmio[cell] += state == MemoryImage.Frame.Mmio ? 1 : 0;
            }
        }

        public long[] Mapped { get; } = new long[cells];

        public long[] Writable { get; } = new long[cells];

        public long[] Dirty { get; } = new long[cells];

        public long[] Huge { get; } = new long[cells];

        public long[] Mmio { get; } = new long[cells];

        public long[] Tables { get; } = new long[cells];
    }
}
