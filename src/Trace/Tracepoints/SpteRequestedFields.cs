namespace Replay.Trace.Tracepoints;

/// <summary>kvm_mmu_spte_requested.</summary>
/// <param name="Gfn">The frame to be mapped.</param>
/// <param name="Pfn">What backs it.</param>
/// <param name="Level">The level that KVM wants.</param>
public readonly record struct SpteRequestedFields(ulong Gfn, ulong Pfn, int Level);
