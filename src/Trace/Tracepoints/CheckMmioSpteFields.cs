namespace Replay.Trace.Tracepoints;

/// <summary>check_mmio_spte.</summary>
/// <param name="Spte">The MMIO entry.</param>
/// <param name="KvmGeneration">The memslots' generation.</param>
/// <param name="SpteGeneration">The entry's.</param>
public readonly record struct CheckMmioSpteFields(ulong Spte, uint KvmGeneration, uint SpteGeneration);
