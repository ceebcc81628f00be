namespace Replay.Analyzer.Diff;

/// <summary>Where one side of a comparison comes from.</summary>
public sealed record DiffSideInfo
{
    public required string Database { get; init; }

    public required int Run { get; init; }

    public required string Name { get; init; }

    public required string Mode { get; init; }

    public required string Profile { get; init; }

    /// <summary>How the host backs guest memory.</summary>
    public required string Backing { get; init; }

    public required string Kernel { get; init; }

    public required string Tool { get; init; }

    public required string Model { get; init; }

    /// <summary>JSON.</summary>
    public required string Options { get; init; }

    public required string Detail { get; init; }

    public required string HistoryHash { get; init; }

    public required string Capture { get; init; }

    public required string CaptureHash { get; init; }

    public required string CaptureSource { get; init; }

    public string? CaptureFilter { get; init; }

    internal static DiffSideInfo Of(DiffSide side) => new()
    {
        Database = side.Database.Path,
        Run = side.Run.Run,
        Name = side.Run.Name,
        Mode = side.Run.Mode,
        Profile = side.Run.Profile,
        Backing = side.Run.Backing,
        Kernel = side.Run.Kernel,
        Tool = side.Run.Tool,
        Model = side.Run.Model,
        Options = side.Run.Options,
        Detail = side.Run.Detail,
        HistoryHash = side.Run.HistoryHash ?? "",
        Capture = side.Run.Capture,
        CaptureHash = side.Run.CaptureHash,
        CaptureSource = side.Run.CaptureSource,
        CaptureFilter = side.Run.CaptureFilter,
    };
}
