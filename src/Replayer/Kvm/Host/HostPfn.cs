namespace Replay.Replayer.Kvm.Host;

/// <summary>The host frame behind a gfn, or why there is none.</summary>
/// <param name="Kind">Only <see cref="HostPfnKind.Valid"/> comes with a frame.</param>
/// <param name="Pfn">Host frame number.</param>
/// <param name="MapWritable">KVM may map it writable, also where the access was a read.</param>
public readonly record struct HostPfn(HostPfnKind Kind, ulong Pfn, bool MapWritable)
{
    /// <remarks>KVM: is_error_noslot_pfn().</remarks>
    public bool IsErrorOrNoSlot => Kind != HostPfnKind.Valid;
}

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

/// <summary>What the host's own page table says of one 4 KiB page.</summary>
public enum HostPteState : byte
{
    /// <summary>Never touched: the next access faults a page in.</summary>
    None = 0,

    /// <summary>The shared zero page, read-only: a write copies it.</summary>
    ZeroPage = 1,

    /// <summary>A private page.</summary>
    Private = 2,

    /// <summary>A frame shared with somebody (merged by KSM), read-only: a write copies it.</summary>
    Shared = 3,
}
