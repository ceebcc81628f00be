namespace Replay.Analyzer.Diff;

/// <summary>An exit, as the view shows it.</summary>
internal sealed record ExitRecord
{
    public string Reason { get; init; } = "";

    public string Info1 { get; init; } = "";

    public string Info2 { get; init; } = "";

    /// <summary>For a page that is not mapped, whatever the mode calls it.</summary>
    public bool IsFault => Reason is "EPT_VIOLATION" or "EPT_MISCONFIG" or "NPF" or "EXCEPTION_PF";
}
