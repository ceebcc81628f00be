namespace Replay.Replayer.Hardware;

/// <summary>How one access ended in the model.</summary>
public enum AccessOutcome : byte
{
    /// <summary>It reached memory.</summary>
    Completed = 0,

    /// <summary>KVM did what the instruction does: MMIO, or a write to a table that KVM protects.</summary>
    Emulated = 1,

    /// <summary>The CPU delivered #PF to the guest, without an exit.</summary>
    PageFault = 2,

    /// <summary>KVM injected #PF.</summary>
    InjectedPageFault = 3,

    /// <summary>#GP: the address is not canonical.</summary>
    GeneralProtection = 4,

    /// <summary>A guest table was walked whose content the capture never gave.</summary>
    UnknownTable = 5,

    /// <summary>The limit of retries was reached.</summary>
    NoProgress = 6,

    /// <summary>The guest shut down.</summary>
    Shutdown = 7,

    /// <summary>The nested guest's hypervisor got a fault, and runs.</summary>
    NestedExit = 8,
}
