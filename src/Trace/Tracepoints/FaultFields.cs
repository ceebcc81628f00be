namespace Replay.Trace.Tracepoints;

/// <summary>kvm_page_fault.</summary>
/// <param name="Vcpu">The vCPU; null before Linux 6.0.</param>
/// <param name="Rip">Guest RIP; null before Linux 6.0.</param>
/// <param name="Address">Guest-physical with two-dimensional paging, otherwise guest-virtual.</param>
/// <param name="ErrorCode">Exit qualification on Intel with EPT, EXITINFO1 on AMD with NPT, otherwise the #PF error code.</param>
public readonly record struct PageFaultFields(int? Vcpu, ulong? Rip, ulong Address, ulong ErrorCode);

/// <summary>fast_page_fault.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Address">The address KVM handles.</param>
/// <param name="ErrorCode">P, W, U, RSVD, F of KVM's error code; since 6.10 its upper bits, too.</param>
/// <param name="Sptep">Host-virtual address of the entry; null where the kernel hashed it.</param>
/// <param name="Old">Before.</param>
/// <param name="New">After.</param>
/// <param name="Spurious">It was right already.</param>
/// <param name="Fixed">It was put right.</param>
public readonly record struct FastPageFaultFields(
    int Vcpu,
    ulong Address,
    ulong ErrorCode,
    ulong? Sptep,
    ulong Old,
    ulong New,
    bool Spurious,
    bool Fixed);

/// <summary>handle_mmio_page_fault.</summary>
/// <param name="Address">The address KVM handles.</param>
/// <param name="Gfn">The frame.</param>
/// <param name="Access">ACC_* bits.</param>
public readonly record struct HandleMmioPageFaultFields(ulong Address, ulong Gfn, uint Access);

/// <summary>kvm_inj_exception.</summary>
/// <param name="IsPageFault">It is #PF.</param>
/// <param name="ErrorCode">Null where the exception has none.</param>
/// <param name="Reinjected">Delivery was interrupted by an exit and is taken up again.</param>
public readonly record struct InjectedExceptionFields(bool IsPageFault, uint? ErrorCode, bool Reinjected);
