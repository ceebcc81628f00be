namespace Replay.Replayer.History;

/// <summary>The tracepoint line a real 6.1 kernel prints for a table write, if any.</summary>
public enum Tracepoint : byte
{
    None = 0,
    KvmMmuSetSpte = 1,
    KvmTdpMmuSpteChanged = 2,
    MarkMmioSpte = 3,
    FastPageFault = 4,

    /// <summary>Both kvm_tdp_mmu_spte_changed and kvm_mmu_set_spte: a leaf of the TDP MMU.</summary>
    KvmTdpMmuSpteChangedAndSetSpte = 5,

    /// <summary>kvm_tdp_mmu_spte_changed and mark_mmio_spte: an MMIO entry of the TDP MMU.</summary>
    KvmTdpMmuSpteChangedAndMarkMmio = 6,
}
