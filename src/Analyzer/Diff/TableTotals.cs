namespace Replay.Analyzer.Diff;

/// <summary>Table pages on both sides.</summary>
public sealed record TableTotals
{
    public required DiffPair Created { get; init; }

    /// <summary>Alive at the end.</summary>
    public required DiffPair Live { get; init; }

    /// <summary>The most that were alive at once.</summary>
    public required DiffPair Peak { get; init; }
}
