namespace Replay.Trace.Tracepoints;

/// <summary>kvm_unmap_hva_range, kvm_set_spte_hva, kvm_age_hva, kvm_test_age_hva.</summary>
/// <param name="Start">First host-virtual address.</param>
/// <param name="End">The address behind the last; equal to <paramref name="Start"/> where the event names one page.</param>
public readonly record struct NotifierRangeFields(ulong Start, ulong End);
