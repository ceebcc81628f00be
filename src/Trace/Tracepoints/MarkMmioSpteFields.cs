namespace Replay.Trace.Tracepoints;

/// <summary>mark_mmio_spte.</summary>
/// <param name="Sptep">Host-virtual address of the entry; null where the kernel hashed it.</param>
/// <param name="Gfn">The frame.</param>
/// <param name="Access">ACC_* bits.</param>
/// <param name="Generation">Memslot generation; null in old kernels.</param>
public readonly record struct MarkMmioSpteFields(ulong? Sptep, ulong Gfn, uint Access, uint? Generation);
