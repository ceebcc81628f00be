namespace Replay.Recorder.Qemu;

/// <summary>Why the plugin ended the stream.</summary>
internal enum WireEnd : uint
{
    None = 0,
    GuestExit = 1,
    StopAt = 2,
    MaxAccesses = 3,
    Requested = 4,
}
