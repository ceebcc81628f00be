namespace Replay.Trace.Tracepoints;

/// <summary>kvm_inj_exception.</summary>
/// <param name="IsPageFault">It is #PF.</param>
/// <param name="ErrorCode">Null where the exception has none.</param>
/// <param name="Reinjected">Delivery was interrupted by an exit and is taken up again.</param>
public readonly record struct InjectedExceptionFields(bool IsPageFault, uint? ErrorCode, bool Reinjected);
