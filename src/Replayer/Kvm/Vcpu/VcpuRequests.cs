namespace Replay.Replayer.Kvm;

/// <summary>What a vCPU must do before it enters the guest again.</summary>
/// <remarks>KVM: the KVM_REQ_* bits that concern the MMU.</remarks>
[Flags]
public enum VcpuRequests : ushort
{
    None = 0,

    /// <summary>KVM_REQ_TLB_FLUSH: all contexts.</summary>
    TlbFlush = 1,
    TlbFlushCurrent = 2,
    TlbFlushGuest = 4,
    MmuSync = 8,
    LoadMmuPgd = 16,
    MmuFreeObsoleteRoots = 32,
    TripleFault = 64,

    /// <summary>KVM_REQ_MMU_RELOAD of older kernels: all roots are dropped.</summary>
    MmuReload = 128,
}
