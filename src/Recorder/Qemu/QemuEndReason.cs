namespace Replay.Recorder.Qemu;

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

    /// <summary>A signal from outside made QEMU shut down.</summary>
    public const string Terminated = "qemu-terminated";

    /// <summary>QEMU died; the end of the stream died with it.</summary>
    public const string Killed = "qemu-killed";
}
