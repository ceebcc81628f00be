namespace Replay.Recorder.Synthetic.Machine;

/// <summary>The error code of a #PF.</summary>
[Flags]
public enum PageFaultError : uint
{
    None = 0,
    Present = 1 << 0,
    Write = 1 << 1,
    User = 1 << 2,
    Reserved = 1 << 3,
    Fetch = 1 << 4,
    ProtectionKey = 1 << 5,
}
