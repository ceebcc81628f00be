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

    /// <summary>VMRUN: information 2 is the VMCB's guest-physical address.</summary>
    Vmrun = 12,
    Invlpga = 13,

    /// <summary>An exit of a nested guest that KVM hands to the guest's own hypervisor: information 1 is its code.</summary>
    NestedExit = 14,
}
