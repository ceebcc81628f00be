namespace Replay.Trace.Tracepoints;

/// <summary>kvm_entry.</summary>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Rip">Guest RIP; null before Linux 5.8.</param>
public readonly record struct EntryFields(int Vcpu, ulong? Rip);
