namespace Replay.Replayer.Kvm;

/// <summary>How the guest goes on after an exit.</summary>
public enum ExitResult : byte
{
    /// <summary>The CPU runs the instruction again.</summary>
    Retry = 0,

    /// <summary>KVM did what the instruction does (emulation, MMIO): the access is over.</summary>
    Emulated = 1,

    /// <summary>KVM injected #PF; the instruction did not complete.</summary>
    GuestFault = 2,

    /// <summary>The guest shut down (triple fault).</summary>
    Shutdown = 3,

    /// <summary>The nested guest's hypervisor got the exit: it runs on behind its VMRUN.</summary>
    NestedExit = 4,
}
