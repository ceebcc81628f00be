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
    private const int ChangesBefore = 150;
    private const int ChangesAfter = 50;
    private const int Levels = 5;

    /// <summary>256 GiB: a byte is kept for each.</summary>
    private const long MostFrames = 1L << 26;

    private const long LastFrame = 1L << 40;

    /// <summary>Pages of 4 KiB in an entry of each level.</summary>
    private const int BitsOfLevel = 9;

    public static object Answer(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var at = request.Number("at") ?? run.LastOrdinal;
        var extent = Extent(shelf, run);
        var from = Math.Max(0, request.Number("from") ?? 0);
        from = Math.Min(from, LastFrame);
        if (request.Number("to") is { } end && end <= from)
            throw RequestProblem.BadRequest($"to={request.Text("to")}: is not behind from={request.Text("from")}. Both are guest frames.");
        var to = Math.Clamp(request.Number("to") ?? extent, from + 1, from + MostFrames);
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
            counts = by is null ? null : Counts(shelf, run, by, at, from, frames, count),
        };
    }

    public static object History(Shelf shelf, Request request)
    {
        using var run = shelf.Open(request.Text("run"), request.Cancellation);
        var gfn = request.Number("gfn") ?? throw RequestProblem.BadRequest("the address lacks gfn=.");
        var at = request.Number("at") ?? run.LastOrdinal;
        var before = Changes(shelf, run, gfn, at, ChangesBefore + 1, forwards: false);
        var after = Changes(shelf, run, gfn, at, ChangesAfter + 1, forwards: true);
        return new
        {
            run = run.Key,
            gfn = Text.Hex(gfn),
            at,
            cause = Cause(run, gfn, at),
            history = before.Take(ChangesBefore).Reverse().Concat(after.Take(ChangesAfter)),
            earlier = before.Count > ChangesBefore,
            later = after.Count > ChangesAfter,
        };
    }

    /// <summary>The write that made or emptied what translates a frame itself, up to an event. Bits that were set since, and tables above it, are no reason of it.</summary>
    /// <returns>Null: nothing translated it yet.</returns>
    private static object? Cause(RunSession run, long gfn, long at)
    {
        var levels = Enumerable.Range(1, Levels).Select(level =>
            $"""
            SELECT * FROM (
              SELECT ordinal, seq, table_id, idx FROM table_write
              WHERE run = :run AND gfn = :gfn >> {BitsOfLevel * (level - 1)} << {BitsOfLevel * (level - 1)} AND level = {level} AND ordinal <= :at
                AND old_kind <> new_kind AND new_kind NOT IN ('table', 'root') AND old_kind NOT IN ('table', 'root')
              ORDER BY ordinal DESC, seq DESC LIMIT 1)
            """);
        return run.Session.Read(
            $"SELECT * FROM ({string.Join(" UNION ALL ", levels)}) ORDER BY ordinal DESC, seq DESC LIMIT 1",
            row => new { at = row[0].Integer, table = row[2].Integer, idx = row[3].Integer },
            ("run", run.Number), ("gfn", SqlValue.Of(gfn)), ("at", SqlValue.Of(at))).FirstOrDefault();
    }

    /// <summary>The writes to entries of any level that translate a frame, from an event back or on. Each level is searched by itself, so that a long history costs no more.</summary>
    private static List<object> Changes(Shelf shelf, RunSession run, long gfn, long at, int limit, bool forwards)
    {
        var (side, order) = forwards ? (">", "ordinal, seq") : ("<=", "ordinal DESC, seq DESC");
        var levels = Enumerable.Range(1, Levels).Select(level =>
            $"""
            SELECT * FROM (
              SELECT ordinal, seq, level, table_id, idx, old_hex, new_hex, old_kind, new_kind, old_rights, new_rights, actor, function
              FROM table_write WHERE run = :run AND gfn = :gfn >> {BitsOfLevel * (level - 1)} << {BitsOfLevel * (level - 1)} AND level = {level} AND ordinal {side} :at
              ORDER BY {order} LIMIT :limit)
            """);
        var sql =
            $"""
            SELECT w.*, a.kind, a.gva_hex, a.rip, a.vcpu
            FROM (SELECT * FROM ({string.Join(" UNION ALL ", levels)}) ORDER BY {order} LIMIT :limit) AS w
            LEFT JOIN access AS a ON a.run = :run AND a.ordinal = w.ordinal
            ORDER BY {order.Replace("ordinal", "w.ordinal", StringComparison.Ordinal).Replace("seq", "w.seq", StringComparison.Ordinal)}
            """;
        return run.Session.Read(
            sql,
            row => (object)new
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
            ("run", run.Number), ("gfn", SqlValue.Of(gfn)), ("at", SqlValue.Of(at)), ("limit", SqlValue.Of(limit)));
    }

    private static void Fill(Shelf shelf, RunSession run, long at, long from, long to, long frames, Map map)
    {
        var pages = RunTables.Of(shelf, run);
        shelf.Once($"image|{run.Identity}", () => new MemoryHistory()).See(run, at, image =>
        {
            foreach (var (id, table) in image.Tables)
            {
                if (pages.Find(id) is not { } page || !page.IsThere(at))
                    continue;
                for (var i = 0; i < MemoryImage.Entries; i++)
                {
                    if (table.Frames[i] != MemoryImage.Frame.None)
                        map.Add(table.Gfns[i], 1L << (BitsOfLevel * (page.Level - 1)), table.Frames[i]);
                }
            }
        });
        map.Fold(frames);
        foreach (var gfn in pages.Shadowed(at).Where(gfn => gfn >= from && gfn < to))
            map.Tables[(gfn - from) / frames]++;
    }

    /// <summary>Frames up to the highest that was ever mapped as memory: device memory at the top of the address space would leave the rest no room.</summary>
    private static long Extent(Shelf shelf, RunSession run) => shelf.Once($"extent|{run.Identity}", () => new Number(run.Session.First(
        """
        SELECT w.gfn + (1 << 9 * (w.level - 1)) FROM table_write AS w
        WHERE w.run = :run AND w.gfn BETWEEN 0 AND 1 << 40 AND w.new_kind IN ('page', 'huge')
        ORDER BY w.gfn DESC LIMIT 1
        """,
        row => row[0].Integer, ("run", run.Number)))).Rounded();

    private static long[] Counts(Shelf shelf, RunSession run, string by, long at, long from, long frames, int count) => FrameCounts.All.Contains(by)
        ? shelf.Once($"counts|{run.Identity}|{by}", () => new FrameCounts(by)).In(run, at, from, frames, count)
        : throw RequestProblem.BadRequest($"by={by}: there are {string.Join(", ", FrameCounts.All)}.");

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
