using Replay.Analyzer.Diff.Costs;

namespace Replay.Analyzer.Diff;

/// <summary>How two runs are compared.</summary>
public sealed record DiffOptions
{
    /// <summary>First ordinal that counts; null: the first there is.</summary>
    public long? From { get; init; }

    /// <summary>Last ordinal that counts; null: the last there is.</summary>
    public long? To { get; init; }

    /// <summary>Into how many equal ranges of ordinals the counts are split.</summary>
    public int Ranges { get; init; } = 48;

    /// <summary>Kept of each kind of record: the first events that differ; reading stops when there are so many. 0: none, and all is read.</summary>
    internal int DifferencesWanted { get; init; }

    public CostTable Costs { get; init; } = CostTable.Default;
}
