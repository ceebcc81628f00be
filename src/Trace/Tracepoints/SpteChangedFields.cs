namespace Replay.Trace.Tracepoints;

/// <summary>kvm_tdp_mmu_spte_changed.</summary>
/// <param name="AddressSpace">1: system-management mode.</param>
/// <param name="Gfn">First guest frame that the entry translates.</param>
/// <param name="Level">1 to 5.</param>
/// <param name="Old">Before.</param>
/// <param name="New">After.</param>
public readonly record struct SpteChangedFields(int AddressSpace, ulong Gfn, int Level, ulong Old, ulong New);
