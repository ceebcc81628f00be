namespace Replay.Trace.Tracepoints;

/// <summary>One event of a trace: when and where it was recorded, and its text.</summary>
public readonly ref struct TraceLine
{
    /// <summary>The event's place in the trace, from 0: its identity. Comments and damaged lines are not counted.</summary>
    public long Ordinal { get; init; }

    /// <summary>Its line in the file, from 1.</summary>
    public long Line { get; init; }

    /// <summary>Nanoseconds where the trace has seconds with a fraction, otherwise the number as it stands.</summary>
    public long Time { get; init; }

    /// <summary>The host's CPU.</summary>
    public int Cpu { get; init; }

    /// <summary>The host's thread.</summary>
    public int Pid { get; init; }

    /// <summary>The host's process (tgid), 0 where the line does not show it.</summary>
    public int Process { get; init; }

    /// <summary>
    /// Which thread of which machine: <see cref="Pid"/>, but in a trace that was put together of several machines', where the same number
    /// stands for several threads.
    /// </summary>
    public long Thread { get; init; }

    /// <summary>The machine, as a trace put together of several names it; otherwise empty.</summary>
    public ReadOnlySpan<byte> Source { get; init; }

    /// <summary>The thread's name, such as <c>CPU 0/KVM</c>.</summary>
    public ReadOnlySpan<byte> Task { get; init; }

    public required TracepointName Name { get; init; }

    /// <summary>What stands behind the name.</summary>
    public ReadOnlySpan<byte> Text { get; init; }

    /// <summary>The functions of the stack trace that follows the event, the innermost first; empty without one.</summary>
    public ReadOnlySpan<TracepointName> Stack { get; init; }
}
