namespace Replay.Trace.Tracepoints;

/// <summary>kvm_mmu_split_huge_page.</summary>
/// <param name="Gfn">First frame.</param>
/// <param name="Spte">The huge entry.</param>
/// <param name="Level">Its level.</param>
/// <param name="Error">0 or an error number.</param>
public readonly record struct SplitHugePageFields(ulong Gfn, ulong Spte, int Level, int Error);
