namespace Replay.Replayer.History;

/// <summary>What happens to the root of a table tree.</summary>
public enum RootOperation : byte
{
    /// <summary>mmu_alloc_root or kvm_tdp_mmu_get_vcpu_root_hpa returned it.</summary>
    Allocate = 1,

    /// <summary>Loaded into the CPU: value is the EPTP, nCR3 or CR3.</summary>
    Load = 2,

    /// <summary>kvm_mmu_free_roots dropped a vCPU's reference.</summary>
    Free = 3,

    /// <summary>Became a previous root, kept for a fast switch back.</summary>
    Cache = 4,

    /// <summary>A previous root became current again without a reload.</summary>
    FastSwitch = 5,

    /// <summary>kvm_mmu_zap_all_fast made every root obsolete; no table, value is the generation that ends.</summary>
    ObsoleteAll = 6,
}
