namespace Replay.Replayer.Kvm.Host;

/// <summary>What asking for the frame behind a gfn came to.</summary>
public enum HostPfnKind : byte
{
    /// <summary>There is a frame.</summary>
    Valid = 0,

    /// <summary>No memslot: MMIO. KVM_PFN_NOSLOT.</summary>
    NoSlot = 1,

    /// <summary>A write to a read-only slot: emulated as MMIO. KVM_PFN_ERR_RO_FAULT.</summary>
    ReadOnlyFault = 2,

    /// <summary>The host does not allow the access (write to memory protected by mprotect). KVM_PFN_ERR_FAULT: KVM_RUN fails with EFAULT.</summary>
    Fault = 3,
}
