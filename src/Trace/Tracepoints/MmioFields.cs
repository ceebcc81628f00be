namespace Replay.Trace.Tracepoints;

/// <summary>kvm_fast_mmio, kvm_mmio.</summary>
/// <param name="IsWrite">Otherwise a read; always for kvm_fast_mmio.</param>
/// <param name="Size">Bytes; 0: not said.</param>
/// <param name="Gpa">Guest-physical address.</param>
/// <param name="Value">Read or written.</param>
public readonly record struct MmioFields(bool IsWrite, int Size, ulong Gpa, ulong Value);
