namespace Replay.Trace.Tracepoints;

/// <summary>kvm_mmu_set_spte.</summary>
/// <param name="Gfn">First guest frame that the entry translates.</param>
/// <param name="Spte">The entry.</param>
/// <param name="Level">1 to 5.</param>
/// <param name="Sptep">Host-physical address of the entry.</param>
public readonly record struct SetSpteFields(ulong Gfn, ulong Spte, int Level, ulong Sptep);
