namespace Replay.Recorder.Qemu;

/// <summary>What the plugin says of itself in the control block.</summary>
internal enum WireState : uint
{
    NotLoaded = 0,
    Loaded = 1,
    Recording = 2,
    Ended = 3,
    Failed = 4,
}
