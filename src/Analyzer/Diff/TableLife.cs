namespace Replay.Analyzer.Diff;

/// <summary>When a table page was made and when it ended.</summary>
internal sealed record TableLife
{
    public int Id { get; init; }

    public long Created { get; init; }

    public long CreatedSeq { get; init; }

    public long? Ended { get; init; }

    public long? EndedSeq { get; init; }
}
