namespace Replay.Trace.Tracepoints;

/// <summary>kvm_page_fault.</summary>
/// <param name="Vcpu">The vCPU; null before Linux 6.0.</param>
/// <param name="Rip">Guest RIP; null before Linux 6.0.</param>
/// <param name="Address">Guest-physical with two-dimensional paging, otherwise guest-virtual.</param>
/// <param name="ErrorCode">Exit qualification on Intel with EPT, EXITINFO1 on AMD with NPT, otherwise the #PF error code.</param>
public readonly record struct PageFaultFields(int? Vcpu, ulong? Rip, ulong Address, ulong ErrorCode);
