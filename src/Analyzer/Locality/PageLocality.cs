using System.Numerics;
using Replay.Analyzer.Export;
using Replay.Trace;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Locality;

/// <summary>
/// What a capture says of each guest-physical page that was accessed: reuse distances, and the working set of equal stretches of ordinals.
/// Accesses are those of the capture, plain ones and the events that are accesses and say where.
/// </summary>
/// <param name="window">Ordinals of a stretch.</param>
public sealed class PageLocality(long window)
{
    /// <summary>Distances in powers of two: 0, 1, 2 to 3, 4 to 7 and so on; the last has the first accesses.</summary>
    private const int Buckets = 34;

    private const int Cold = Buckets - 1;

    private readonly ReuseDistances _distances = new();
    private readonly Dictionary<ulong, long[]> _pages = [];
    private readonly List<Window> _windows = [];
    private readonly HashSet<ulong> _inWindow = [];
    private readonly HashSet<ulong> _writtenInWindow = [];
    private ulong _lastPage = ulong.MaxValue;
    private long[] _lastCounts = [];

    /// <summary>Accesses seen.</summary>
    public long Accesses { get; private set; }

    /// <summary>Different pages.</summary>
    public int Pages => _pages.Count;

    public static IReadOnlyList<TableColumn> ReuseColumns { get; } =
    [
        new("gfn", TableColumnType.Unsigned),
        new("distance_from", TableColumnType.Integer),
        new("distance_to", TableColumnType.Integer),
        new("accesses", TableColumnType.Integer),
    ];

    public static IReadOnlyList<TableColumn> WorkingSetColumns { get; } =
    [
        new("first_ordinal", TableColumnType.Integer),
        new("last_ordinal", TableColumnType.Integer),
        new("accesses", TableColumnType.Integer),
        new("pages", TableColumnType.Integer),
        new("pages_written", TableColumnType.Integer),
        new("pages_new", TableColumnType.Integer),
    ];

    /// <summary>The accesses of a chunk, in order.</summary>
    public void Look(TraceChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        var at = 0;
        foreach (var row in chunk.Events)
        {
            var to = chunk.FirstAccessFrom(at, row.Ordinal);
            Plain(chunk, at, to);
            at = to;
            if (IsAccess(row.Kind) && row.Gpa is { } gpa)
                Access(row.Ordinal, gpa >> 12, (row.Kind == TraceEventKind.PageTableStore ? AccessKind.Write : row.Access) == AccessKind.Write);
        }

        Plain(chunk, at, chunk.AccessCount);
    }

    /// <summary>An access.</summary>
    public void Access(long ordinal, ulong gfn, bool isWrite)
    {
        Accesses++;
        var index = ordinal / window;
        while (_windows.Count <= index)
        {
            _windows.Add(new Window());
            _inWindow.Clear();
            _writtenInWindow.Clear();
            _lastPage = ulong.MaxValue;
        }

        var stretch = _windows[^1];
        stretch.Accesses++;
        if (gfn == _lastPage)
        {
            _lastCounts[0]++;
        }
        else
        {
            var distance = _distances.Access(gfn);
            if (!_pages.TryGetValue(gfn, out var counts))
                _pages[gfn] = counts = new long[Buckets];
            counts[BucketOf(distance)]++;
            if (_inWindow.Add(gfn))
                stretch.Pages++;
            if (distance < 0)
                stretch.New++;
            (_lastPage, _lastCounts) = (gfn, counts);
        }

        if (isWrite && _writtenInWindow.Add(gfn))
            stretch.Written++;
    }

    /// <summary>A row for each page and each stretch of distances that it was accessed at, by page; a first access has no distance.</summary>
    public void WriteReuse(TypedRows file)
    {
        ArgumentNullException.ThrowIfNull(file);
        foreach (var (gfn, counts) in _pages.OrderBy(page => page.Key))
        {
            for (var bucket = 0; bucket < Buckets; bucket++)
            {
                if (counts[bucket] == 0)
                    continue;
                file.Set(0, unchecked((long)gfn));
                if (bucket != Cold)
                {
                    file.Set(1, bucket == 0 ? 0 : 1L << (bucket - 1));
                    file.Set(2, bucket == 0 ? 0 : (1L << bucket) - 1);
                }

                file.Set(3, counts[bucket]);
                file.EndRow();
            }
        }
    }

    /// <summary>A row for each stretch of ordinals.</summary>
    public void WriteWorkingSet(TypedRows file)
    {
        ArgumentNullException.ThrowIfNull(file);
        for (var i = 0; i < _windows.Count; i++)
        {
            var stretch = _windows[i];
            file.Set(0, i * window);
            file.Set(1, ((i + 1) * window) - 1);
            file.Set(2, stretch.Accesses);
            file.Set(3, stretch.Pages);
            file.Set(4, stretch.Written);
            file.Set(5, stretch.New);
            file.EndRow();
        }
    }

    private static int BucketOf(long distance) => distance < 0 ? Cold : 64 - BitOperations.LeadingZeroCount((ulong)distance);

    private static bool IsAccess(TraceEventKind kind) =>
        kind is TraceEventKind.PageTableStore or TraceEventKind.Mmio or TraceEventKind.ImplicitAccess or TraceEventKind.NestedAccess or TraceEventKind.GuestPhysicalAccess;

    private void Plain(TraceChunk chunk, int from, int to)
    {
        for (var i = from; i < to; i++)
            Access(chunk.Ordinals[i], chunk.Gpas[i] >> 12, chunk.Kinds[i] == (byte)AccessKind.Write);
    }

    private sealed class Window
    {
        public long Accesses { get; set; }

        public long Pages { get; set; }

        public long Written { get; set; }

        public long New { get; set; }
    }
}
