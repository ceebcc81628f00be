using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>What the hardware tells KVM when it leaves the guest.</summary>
public readonly record struct VmExit
{
    public required ExitReason Reason { get; init; }

    /// <summary>
    /// Exit qualification (Intel), EXITINFO1 (AMD), #PF error code (#PF intercept), type (INVPCID); the operand's old value is not told.
    /// </summary>
    public ulong Info1 { get; init; }

    /// <summary>Guest-physical address (EPT, NPT), linear address (#PF intercept, INVLPG), value written (CR and EFER writes), PCID (INVPCID).</summary>
    public ulong Info2 { get; init; }

    /// <summary>The linear address of the access that exited.</summary>
    public ulong Gva { get; init; }

    /// <summary>Of the access only the guest-physical address is known: which linear address led there, the capture does not say.</summary>
    public bool IsPhysical { get; init; }

    public AccessKind Access { get; init; }

    public AccessFlags Flags { get; init; }

    /// <summary>Bytes the instruction touches there.</summary>
    public int Size { get; init; }

    /// <summary>Value stored by the instruction, where the capture has it.</summary>
    public ulong? Value { get; init; }

    /// <summary>What the emulator will make of the instruction, where the capture says.</summary>
    public StoreInstruction Instruction { get; init; }
}

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
