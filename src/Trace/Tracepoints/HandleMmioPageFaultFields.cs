namespace Replay.Trace.Tracepoints;

/// <summary>handle_mmio_page_fault.</summary>
/// <param name="Address">The address KVM handles.</param>
/// <param name="Gfn">The frame.</param>
/// <param name="Access">ACC_* bits.</param>
public readonly record struct HandleMmioPageFaultFields(ulong Address, ulong Gfn, uint Access);
