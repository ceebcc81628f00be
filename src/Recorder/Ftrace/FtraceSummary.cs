namespace Replay.Recorder.Ftrace;

/// <summary>What was found in a trace while it was read.</summary>
public sealed record FtraceSummary
{
    public long Lines { get; init; }

    public long Events { get; init; }

    /// <summary>Events whose fields are known.</summary>
    public long TypedEvents { get; init; }

    /// <summary>Events with a stack trace.</summary>
    public long StackTraces { get; init; }

    /// <summary>Lines that are no event, no comment and no marker.</summary>
    public long DamagedLines { get; init; }

    /// <summary>Events whose name is known, and whose text has no known form. Kept as text.</summary>
    public long UnreadableEvents { get; init; }

    /// <summary>Events that the tracer says it lost, as far as it gives numbers.</summary>
    public long LostEvents { get; init; }

    /// <summary>Places where it lost some.</summary>
    public long LossMarkers { get; init; }

    /// <summary>The last line is unfinished, or the compressed stream broke off.</summary>
    public bool Truncated { get; init; }

    /// <summary>Reading was interrupted.</summary>
    public bool Interrupted { get; init; }
}
