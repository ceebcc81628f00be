namespace Replay.Analyzer.Diff;

/// <summary>A fault that KVM handled, as the view shows it.</summary>
internal sealed record FaultLine
{
    public string Access { get; init; } = "";

    public string Address { get; init; } = "";

    public string ErrorCode { get; init; } = "";

    public string Outcome { get; init; } = "";

    public int MappedLevel { get; init; }

    public long Writes { get; init; }

    /// <summary>On the walk of the guest's page tables.</summary>
    public bool IsGuestPage { get; init; }
}
