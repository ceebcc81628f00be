namespace Replay.Trace.Tracepoints;

/// <summary>kvm_exit.</summary>
/// <param name="Vcpu">The vCPU; null in old kernels.</param>
/// <param name="Reason">As the kernel names it, such as <c>EPT_VIOLATION</c>, <c>npf</c>, <c>PF excp</c>.</param>
/// <param name="Rip">Guest RIP; null: the line was trimmed before it.</param>
/// <param name="Info1">Exit qualification (Intel), EXITINFO1 (AMD); null: the line does not have it.</param>
/// <param name="Info2">IDT vectoring information (Intel; in old kernels, of exceptions and interrupts, VM-exit interruption information), EXITINFO2 (AMD); null: as before.</param>
/// <param name="InterruptInfo">VM-exit interruption information; null in old kernels.</param>
/// <param name="ErrorCode">The exception's error code; null in old kernels.</param>
public readonly record struct ExitFields(int? Vcpu, string Reason, ulong? Rip, ulong? Info1, ulong? Info2, uint? InterruptInfo, uint? ErrorCode)
{
    private const uint Valid = 1U << 31;
    private const uint TypeAndVector = 0x7ff;
    private const uint PageFaultException = 3 << 8 | 14;

    /// <summary>Of an exit for an exception of VMX: it is #PF.</summary>
    public bool TellsPageFault() => (InterruptInfo ?? (uint?)(Info2 & uint.MaxValue)) is { } info && (info & Valid) != 0 && (info & TypeAndVector) == PageFaultException;
}

/// <summary>kvm_cr.</summary>
/// <param name="IsWrite">Otherwise a read.</param>
/// <param name="Register">0, 3, 4 or 8.</param>
/// <param name="Value">Written or read.</param>
public readonly record struct ControlRegisterFields(bool IsWrite, int Register, ulong Value);

/// <summary>kvm_fast_mmio, kvm_mmio.</summary>
/// <param name="IsWrite">Otherwise a read; always for kvm_fast_mmio.</param>
/// <param name="Size">Bytes; 0: not said.</param>
/// <param name="Gpa">Guest-physical address.</param>
/// <param name="Value">Read or written.</param>
public readonly record struct MmioFields(bool IsWrite, int Size, ulong Gpa, ulong Value);

/// <summary>kvm_msr.</summary>
/// <param name="IsWrite">Otherwise a read.</param>
/// <param name="Index">Which MSR.</param>
/// <param name="Value">Written or read.</param>
/// <param name="Faulted">The guest got #GP.</param>
public readonly record struct MsrFields(bool IsWrite, uint Index, ulong Value, bool Faulted);

/// <summary>kvm_unmap_hva_range, kvm_set_spte_hva, kvm_age_hva, kvm_test_age_hva.</summary>
/// <param name="Start">First host-virtual address.</param>
/// <param name="End">The address behind the last; equal to <paramref name="Start"/> where the event names one page.</param>
public readonly record struct NotifierRangeFields(ulong Start, ulong End);
