namespace Replay.Replayer.Guest;

/// <summary>The error code of a #PF.</summary>
/// <remarks>SDM: Page-Fault Exceptions.</remarks>
[Flags]
public enum PageFaultCode : uint
{
    /// <summary>No entry at some level: a read by the supervisor.</summary>
    None = 0,

    /// <summary>All entries were present: the rights forbid it, or a reserved bit is set.</summary>
    Present = 1,
    Write = 2,
    User = 4,
    Reserved = 8,

    /// <summary>An instruction fetch; told only where NX or SMEP is on.</summary>
    Fetch = 16,
    ProtectionKey = 32,
}
