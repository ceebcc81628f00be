namespace Replay.Trace.Tracepoints;

/// <summary>kvm_cr.</summary>
/// <param name="IsWrite">Otherwise a read.</param>
/// <param name="Register">0, 3, 4 or 8.</param>
/// <param name="Value">Written or read.</param>
public readonly record struct ControlRegisterFields(bool IsWrite, int Register, ulong Value);
