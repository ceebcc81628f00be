using System.Runtime.InteropServices;
using Replay.Analyzer.Store;

namespace Replay.Explorer.Data;

/// <summary>
/// How often each guest frame was faulted on, had an entry written, or an entry emptied, up to an event. The history is read once, in order, and counts are
/// kept every so many rows; any others are the nearest before them and what came up to them.
/// </summary>
internal sealed class FrameCounts(string by)
{
    private const int RowsBetweenCounts = 400_000;
    private const int RowsBetweenLooks = 1 << 16;

    private readonly Lock _lock = new();
    private readonly List<Counted> _kept = [new()];
    private Counted _last = new();

    /// <summary>What can be counted.</summary>
    public static IReadOnlyList<string> All { get; } = ["faults", "writes", "zaps"];

    /// <summary>Counts of cells, each of some frames.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; what was read up to the last counts that are kept is not read again.</exception>
    public long[] In(RunSession run, long at, long from, long framesOfCell, int cells)
    {
        lock (_lock)
        {
            var counts = new long[cells];
            At(run, at).AddTo(counts, from, framesOfCell);
            return counts;
        }
    }

    private Counted At(RunSession run, long ordinal)
    {
        var counted = _kept.FindLast(kept => kept.Ordinal <= ordinal)!;
        counted = _last.Ordinal <= ordinal && _last.Ordinal >= counted.Ordinal ? _last : counted.Copy();
        // Whoever gives up in the middle leaves nothing that is half counted.
        _last = new Counted();
        var count = 0;
        foreach (var (event_, gfn) in Places(run, counted.Ordinal, ordinal))
        {
            if ((count & (RowsBetweenLooks - 1)) == 0)
                run.Session.Cancellation.ThrowIfCancellationRequested();
            if (count++ >= RowsBetweenCounts && event_ != counted.Ordinal)
            {
                if (_kept[^1].Ordinal < counted.Ordinal)
                    _kept.Add(counted.Copy());
                count = 1;
            }

            counted.Ordinal = event_;
            counted.Add(gfn);
        }

        counted.Ordinal = ordinal;
        return _last = counted;
    }

    private IEnumerable<(long Ordinal, long Gfn)> Places(RunSession run, long after, long last)
    {
        const int PageShift = 12;
        if (by == "faults")
        {
            using var faults = FaultPlaces.Read(run.Session.Database, run.Run, after, last);
            while (faults.Next())
            {
                if (faults.Gpa is { } gpa)
                    yield return (faults.Ordinal, gpa >> PageShift);
            }

            yield break;
        }

        using var writes = EntryWrites.Read(run.Session.Database, run.Run, after, last);
        while (writes.Next())
        {
            if (writes.IsGfnShown && (by == "writes" || writes.Kind == EntryKind.None))
                yield return (writes.Ordinal, writes.Gfn);
        }
    }

    private sealed class Counted
    {
        private const int RegionShift = 12;

        private readonly Dictionary<long, int[]> _regions = [];

        /// <summary>The last event that is counted in whole.</summary>
        public long Ordinal { get; set; } = -1;

        public void Add(long gfn)
        {
            ref var region = ref CollectionsMarshal.GetValueRefOrAddDefault(_regions, gfn >> RegionShift, out _);
            region ??= new int[1 << RegionShift];
            region[gfn & ((1 << RegionShift) - 1)]++;
        }

        public void AddTo(long[] counts, long from, long framesOfCell)
        {
            foreach (var (number, region) in _regions)
            {
                var first = number << RegionShift;
                for (var i = 0; i < region.Length; i++)
                {
                    if (region[i] != 0 && first + i >= from && (first + i - from) / framesOfCell is var cell && cell < counts.Length)
                        counts[cell] += region[i];
                }
            }
        }

        public Counted Copy()
        {
            var copy = new Counted { Ordinal = Ordinal };
            foreach (var (number, region) in _regions)
                copy._regions[number] = [.. region];
            return copy;
        }
    }
}
