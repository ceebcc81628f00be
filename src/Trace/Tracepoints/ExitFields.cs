namespace Replay.Trace.Tracepoints;

/// <summary>kvm_exit.</summary>
/// <param name="Vcpu">The vCPU; null in old kernels.</param>
/// <param name="Reason">As the kernel names it, such as <c>EPT_VIOLATION</c>, <c>npf</c>, <c>PF excp</c>.</param>
/// <param name="Rip">Guest RIP.</param>
/// <param name="Info1">Exit qualification (Intel), EXITINFO1 (AMD).</param>
/// <param name="Info2">IDT vectoring information (Intel), EXITINFO2 (AMD).</param>
/// <param name="InterruptInfo">VM-exit interruption information; null in old kernels.</param>
/// <param name="ErrorCode">The exception's error code; null in old kernels.</param>
public readonly record struct ExitFields(int? Vcpu, string Reason, ulong Rip, ulong Info1, ulong Info2, uint? InterruptInfo, uint? ErrorCode);
