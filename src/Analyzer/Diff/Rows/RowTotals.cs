namespace Replay.Analyzer.Diff.Rows;

/// <summary>What comparing one kind of record came to.</summary>
internal sealed class RowTotals(int sorts, int ranges)
{
    private const int MostSortsPerRange = 64;

    public long A { get; private set; }

    public long B { get; private set; }

    /// <summary>Records that both sides have at the same trace event, and alike.</summary>
    public long Alike { get; private set; }

    /// <summary>Trace events that both sides have records at.</summary>
    public long OrdinalsInBoth { get; set; }

    public long OrdinalsInA { get; set; }

    public long OrdinalsInB { get; set; }

    /// <summary>Where the records first are not alike; null: nowhere.</summary>
    public long? FirstDifference { get; private set; }

    /// <summary>How many of the events that differ are kept; 0: none. Who wants them need read no further when there are so many.</summary>
    public int DifferencesWanted { get; init; }

    /// <summary>All events that differ are kept, and all is read.</summary>
    public bool KeepsDifferences { get; init; }

    /// <summary>The first of the events at which records are not alike, as many as are wanted, or all.</summary>
    public List<long> Differences { get; } = [];

    public bool HasAllDifferences => !KeepsDifferences && DifferencesWanted > 0 && Differences.Count == DifferencesWanted;

    /// <summary>Where sides aligned in order first part, an ordinal of each; null: nowhere, or one side has no more records.</summary>
    public (long? A, long? B)? FirstUnlike { get; set; }

    /// <summary>All records are the same to the last bit.</summary>
    public bool IsSame { get; set; } = true;

    public long[] SortsA { get; } = new long[sorts];

    public long[] SortsB { get; } = new long[sorts];

    /// <summary>Alike, by the sort of the first side.</summary>
    public long[] SortsAlike { get; } = new long[sorts];

    public long[] RangesA { get; } = new long[ranges];

    public long[] RangesB { get; } = new long[ranges];

    /// <summary>By range and sort, where there are few sorts; else empty.</summary>
    public long[][] SortsByRangeA { get; } = PerRange(sorts, ranges);

    public long[][] SortsByRangeB { get; } = PerRange(sorts, ranges);

    public void CountA(in DiffRow row, int range)
    {
        A++;
        SortsA[row.Sort]++;
        RangesA[range]++;
        if (SortsByRangeA.Length > 0)
            SortsByRangeA[range][row.Sort]++;
    }

    public void CountB(in DiffRow row, int range)
    {
        B++;
        SortsB[row.Sort]++;
        RangesB[range]++;
        if (SortsByRangeB.Length > 0)
            SortsByRangeB[range][row.Sort]++;
    }

    public void CountAlike(in DiffRow row)
    {
        Alike++;
        SortsAlike[row.Sort]++;
    }

    /// <summary>So many are alike; of which sorts is not known.</summary>
    public void CountAlike(long records) => Alike += records;

    public void Differ(long ordinal)
    {
        IsSame = false;
        FirstDifference ??= ordinal;
        if (KeepsDifferences || Differences.Count < DifferencesWanted)
            Differences.Add(ordinal);
    }

    private static long[][] PerRange(int sorts, int ranges) =>
        sorts > MostSortsPerRange ? [] : [.. Enumerable.Range(0, ranges).Select(_ => new long[sorts])];
}
