namespace Replay.Replayer.History;

/// <summary>Which translations a TLB flush drops.</summary>
public enum FlushKind : byte
{
    /// <summary>All vCPUs: kvm_flush_remote_tlbs.</summary>
    Remote = 1,

    /// <summary>All vCPUs, a range of gfns: kvm_flush_remote_tlbs_with_address.</summary>
    RemoteRange = 2,

    /// <summary>This vCPU, the current root's translations.</summary>
    Current = 3,

    /// <summary>This vCPU, everything of the guest.</summary>
    Guest = 4,

    /// <summary>This vCPU, one address.</summary>
    Gva = 5,

    /// <summary>This vCPU, all contexts.</summary>
    All = 6,
}
