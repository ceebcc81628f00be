namespace Replay.Trace.Tracepoints;

/// <summary>fast_page_fault.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Address">The address KVM handles.</param>
/// <param name="ErrorCode">P, W, U, RSVD, F of KVM's error code.</param>
/// <param name="Sptep">Host-virtual address of the entry; null where the kernel hashed it.</param>
/// <param name="Old">Before.</param>
/// <param name="New">After.</param>
/// <param name="Spurious">It was right already.</param>
/// <param name="Fixed">It was put right.</param>
public readonly record struct FastPageFaultFields(
    int Vcpu,
    ulong Address,
    uint ErrorCode,
    ulong? Sptep,
    ulong Old,
    ulong New,
    bool Spurious,
    bool Fixed);
