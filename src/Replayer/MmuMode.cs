namespace Replay.Replayer;

/// <summary>Which MMU of KVM a replay runs. <c>docs/architecture.md</c> has the table of modes.</summary>
public enum MmuMode : byte
{
    /// <summary>kvm_intel with tdp_mmu=N: EPT through the direct map of the shadow MMU code.</summary>
    Ept = 1,

    /// <summary>kvm_intel with tdp_mmu=Y: the TDP MMU.</summary>
    EptTdp = 2,

    /// <summary>kvm_amd with tdp_mmu=N.</summary>
    Npt = 3,

    /// <summary>kvm_amd with tdp_mmu=Y.</summary>
    NptTdp = 4,

    /// <summary>ept=0 or npt=0: shadow paging.</summary>
    Shadow = 5,

    /// <summary>No model: what a real KVM was seen to write.</summary>
    Observed = 8,
}
