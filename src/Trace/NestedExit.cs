namespace Replay.Trace;

/// <summary>What #VMEXIT left in L1's VMCB, and L1's registers after it: the detail of <see cref="TraceEventKind.NestedExit"/>.</summary>
public sealed record NestedExit
{
    /// <summary>EXITINFO1: of a nested page fault (exit code 0x400) its error code, of an intercepted #PF that of the #PF.</summary>
    public ulong Info1 { get; init; }

    /// <summary>EXITINFO2: of a nested page fault L2's guest-physical address, of an intercepted #PF the faulting address.</summary>
    public ulong Info2 { get; init; }

    /// <summary>EXITINTINFO: the event whose delivery was interrupted; bit 31 says that there was one.</summary>
    public ulong InterruptInfo { get; init; }

    /// <summary>L1's registers.</summary>
    public ulong Cr0 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    public ulong Rflags { get; init; }
}
