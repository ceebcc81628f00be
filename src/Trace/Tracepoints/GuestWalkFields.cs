namespace Replay.Trace.Tracepoints;

/// <summary>kvm_mmu_pagetable_walk, kvm_mmu_walker_error.</summary>
/// <param name="Address">The address walked; 0 for an error.</param>
/// <param name="ErrorCode">PFERR bits.</param>
public readonly record struct GuestWalkFields(ulong Address, uint ErrorCode);
