namespace Replay.Recorder.Qemu;

/// <summary>What a recording came to.</summary>
public sealed record QemuRecordingSummary
{
    /// <summary><c>guest-exit</c>, <c>interrupted</c>, <c>max-accesses</c>, <c>stop-at</c>, <c>start-at-not-reached</c>, <c>qemu-terminated</c>, <c>qemu-failed</c> or <c>qemu-killed</c>.</summary>
    public required string EndReason { get; init; }

    /// <summary>False where QEMU died and the end of the stream with it.</summary>
    public required bool Complete { get; init; }

    /// <summary>QEMU's exit code; null where a signal killed it or it was ended by the recorder.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The last thing QEMU said on its error stream.</summary>
    public required string LastMessage { get; init; }

    public required TimeSpan Elapsed { get; init; }

    /// <summary>Accesses the guest made, recorded or dropped by the filter.</summary>
    public required long AccessesSeen { get; init; }

    public required long AccessesRecorded { get; init; }

    public required long EventsRecorded { get; init; }

    /// <summary>Times the guest waited for the recorder because the ring was full.</summary>
    public required long Stalls { get; init; }

    public required TimeSpan StallTime { get; init; }

    /// <summary>Processor time QEMU used, where the system tells.</summary>
    public TimeSpan QemuProcessorTime { get; init; }

    /// <summary>What becomes part of <see cref="Trace.CaptureManifest.Origin"/>: counts and versions.</summary>
    public required IReadOnlyDictionary<string, string> Origin { get; init; }

    /// <summary>See <see cref="Trace.CaptureManifest.NestedNotFollowed"/>.</summary>
    public required long NestedNotFollowed { get; init; }

    /// <summary>What the recording could not see.</summary>
    public required IReadOnlyList<string> Blind { get; init; }
}

/// <summary>Why a recording ended, as the manifest says it.</summary>
public static class QemuEndReason
{
    /// <summary>The guest switched itself off, or QEMU left at its wish.</summary>
    public const string GuestExit = "guest-exit";

    /// <summary>The user interrupted the recording.</summary>
    public const string Interrupted = "interrupted";

    public const string MaxAccesses = "max-accesses";

    public const string StopAt = "stop-at";

    /// <summary>The guest ended before it came to the instruction at which to start: the capture is empty.</summary>
    public const string StartAtNotReached = "start-at-not-reached";

    /// <summary>A signal from outside made QEMU shut down, or its monitor or window did.</summary>
    public const string Terminated = "qemu-terminated";

    /// <summary>QEMU gave up by itself (<c>Bad icount read</c>, ...): the stream is whole up to there, and the guest wanted to go on.</summary>
    public const string Failed = "qemu-failed";

    /// <summary>QEMU died; the end of the stream died with it.</summary>
    public const string Killed = "qemu-killed";
}
