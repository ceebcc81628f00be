namespace Replay.Analyzer.Diff;

/// <summary>What one side did at one trace event.</summary>
public sealed record SideAction
{
    /// <summary>A line for each exit.</summary>
    public required IReadOnlyList<string> Exits { get; init; }

    /// <summary>A line for each fault that KVM handled.</summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <summary>A line for each table write, up to a limit.</summary>
    public required IReadOnlyList<string> Writes { get; init; }

    /// <summary>All table writes.</summary>
    public required int WriteCount { get; init; }

    /// <summary>A line for each flush.</summary>
    public required IReadOnlyList<string> Flushes { get; init; }

    /// <summary>The functions on the way to the first write, or to the first flush.</summary>
    public string? Chain { get; init; }
}
