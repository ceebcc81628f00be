namespace Replay.Replayer.History;

/// <summary>Why the CPU left the guest. Only reasons that concern the MMU occur.</summary>
public enum ExitReason : byte
{
    EptViolation = 1,
    EptMisconfig = 2,
    Npf = 3,

    /// <summary>#PF intercept (shadow paging).</summary>
    PageFault = 4,
    Cr0Write = 5,
    Cr3Write = 6,
    Cr4Write = 7,
    EferWrite = 8,
    Invlpg = 9,
    Invpcid = 10,
    PmlFull = 11,
}
