namespace Replay.Replayer.History;

/// <summary>What happens to a table page besides writes to its entries.</summary>
public enum PageOperation : byte
{
    /// <summary>Allocated and zeroed: kvm_mmu_get_page with created=1.</summary>
    Create = 1,

    /// <summary>Found in the page cache: kvm_mmu_get_page with created=0.</summary>
    Find = 2,

    /// <summary>kvm_mmu_prepare_zap_page.</summary>
    Zap = 3,

    /// <summary>kvm_mmu_sync_page: leaves the unsync state.</summary>
    Sync = 4,

    /// <summary>kvm_mmu_unsync_page.</summary>
    Unsync = 5,

    /// <summary>The host page goes back to the host.</summary>
    Free = 6,
}
