namespace Replay.Analyzer.Diff;

/// <summary>A TLB flush, as the view shows it.</summary>
internal sealed record FlushRecord
{
    public string Kind { get; init; } = "";

    public string Function { get; init; } = "";

    public string? Chain { get; init; }
}
