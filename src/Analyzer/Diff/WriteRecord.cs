namespace Replay.Analyzer.Diff;

/// <summary>A table write, as the view shows it.</summary>
internal sealed record WriteRecord
{
    public int Level { get; init; }

    public int Index { get; init; }

    public string Gfn { get; init; } = "";

    public string Old { get; init; } = "";

    public string New { get; init; } = "";

    public string NewKind { get; init; } = "";

    public string? NewRights { get; init; }

    public string Actor { get; init; } = "";

    public string Function { get; init; } = "";

    public string? Chain { get; init; }
}
