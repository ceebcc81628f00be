using Dapper;

namespace Replay.Analyzer.Diff;

/// <summary>The page walks of both sides, in all and by range.</summary>
internal sealed class WalkComparison
{
    private const string Counts =
        "SELECT first_ordinal AS Ordinal, guest_references + kvm_references AS Entries, sum(walks) AS Walks FROM walk_summary "
        + "WHERE run = @Run AND first_ordinal BETWEEN @from AND @to GROUP BY 1, 2";

    public WalkComparison(DiffSide a, DiffSide b, long first, long last, long width, int ranges)
    {
        ReferencesA = new long[ranges];
        ReferencesB = new long[ranges];
        var (walksA, sortsA) = Read(a, ReferencesA, first, last, width);
        var (walksB, sortsB) = Read(b, ReferencesB, first, last, width);
        Totals = new WalkTotals
        {
            Walks = new(walksA, walksB),
            References = new(ReferencesA.Sum(), ReferencesB.Sum()),
            PerWalkA = walksA == 0 ? 0 : (double)ReferencesA.Sum() / walksA,
            PerWalkB = walksB == 0 ? 0 : (double)ReferencesB.Sum() / walksB,
            ByReferences =
            [
                .. sortsA.Keys.Union(sortsB.Keys).Order().Select(entries => new DiffCount(
                    $"{entries} entries", sortsA.GetValueOrDefault(entries), sortsB.GetValueOrDefault(entries))),
            ],
        };
    }

    public WalkTotals Totals { get; }

    /// <summary>Table entries read, by range.</summary>
    public long[] ReferencesA { get; }

    public long[] ReferencesB { get; }

    private static (long Walks, SortedDictionary<long, long> Sorts) Read(DiffSide side, long[] references, long first, long last, long width)
    {
        var sorts = new SortedDictionary<long, long>();
        var all = 0L;
        foreach (var (ordinal, entries, walks) in side.Database.Connection.Query<(long Ordinal, long Entries, long Walks)>(
            Counts, new { side.Run.Run, from = first - 255, to = last }))
        {
            references[Math.Clamp((ordinal - first) / width, 0, references.Length - 1)] += entries * walks;
            sorts[entries] = sorts.GetValueOrDefault(entries) + walks;
            all += walks;
        }

        return (all, sorts);
    }
}
