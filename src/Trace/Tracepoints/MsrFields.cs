namespace Replay.Trace.Tracepoints;

/// <summary>kvm_msr.</summary>
/// <param name="IsWrite">Otherwise a read.</param>
/// <param name="Index">Which MSR.</param>
/// <param name="Value">Written or read.</param>
/// <param name="Faulted">The guest got #GP.</param>
public readonly record struct MsrFields(bool IsWrite, uint Index, ulong Value, bool Faulted);
