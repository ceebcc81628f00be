using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Summaries;

/// <summary>How many table pages are held, by level (0: all), at the end of each stretch and at most within it. Special roots are left out.</summary>
internal sealed class TableMemorySummary
{
    private const int Levels = 6;

    private readonly long[] _held = new long[Levels];
    private SortedDictionary<long, Tally[]> _stretches = [];

    /// <summary>A stretch is 2^shift ordinals.</summary>
    public int Shift { get; private set; }

    public void Count(ReadOnlySpan<TablePageRecord> operations)
    {
        foreach (ref readonly var page in operations)
        {
            if (page.IsSpecial != 0)
                continue;
            if (page.Operation == PageOperation.Create)
                Change(page.Ordinal, page.Level, 1);
            else if (page.Operation == PageOperation.Free)
                Change(page.Ordinal, page.Level, -1);
        }
    }

    public void Store(NativeConnection connection, int run, int shift)
    {
        Widen(shift - Shift);
        foreach (var (stretch, tallies) in _stretches)
        {
            for (var level = 0; level < Levels; level++)
            {
                if (tallies[level].IsUsed)
                {
                    connection.Run(
                        "INSERT INTO _table_memory (run, stretch, level, held, most) VALUES (?, ?, ?, ?, ?)",
                        run,
                        stretch,
                        level,
                        tallies[level].Held,
                        tallies[level].Most);
                }
            }
        }
    }

    private void Change(long ordinal, int level, int change)
    {
        if (ordinal >> Shift >= Stretches.Most)
            Widen(Stretches.Doublings(ordinal, Shift));
        var stretch = ordinal >> Shift;
        if (!_stretches.TryGetValue(stretch, out var tallies))
            _stretches[stretch] = tallies = new Tally[Levels];
        foreach (var which in (ReadOnlySpan<int>)[0, level])
        {
            // What was held before counts for the stretch too.
            var most = Math.Max(_held[which], _held[which] + change);
            _held[which] += change;
            tallies[which] = new Tally(true, _held[which], Math.Max(tallies[which].Most, most));
        }
    }

    private void Widen(int doublings)
    {
        if (doublings == 0)
            return;
        var stretches = new SortedDictionary<long, Tally[]>();
        foreach (var (stretch, tallies) in _stretches)
        {
            if (!stretches.TryGetValue(stretch >> doublings, out var merged))
                stretches[stretch >> doublings] = merged = new Tally[Levels];
            for (var level = 0; level < Levels; level++)
            {
                if (tallies[level].IsUsed)
                    merged[level] = tallies[level] with { Most = Math.Max(merged[level].Most, tallies[level].Most) };
            }
        }

        _stretches = stretches;
        Shift += doublings;
    }

    private readonly record struct Tally(bool IsUsed, long Held, long Most);
}
