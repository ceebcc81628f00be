namespace Replay.Replayer.History;

/// <summary>How a page fault ended in KVM. The numbers are the kernel's.</summary>
/// <remarks>KVM: the RET_PF_* enumeration of mmu_internal.h.</remarks>
public enum RetPf : byte
{
    /// <summary>So far nothing decided: go on.</summary>
    Continue = 0,

    /// <summary>Let the CPU fault again.</summary>
    Retry = 1,

    /// <summary>Emulate the instruction.</summary>
    Emulate = 2,

    /// <summary>The entry is stale: take the slow path.</summary>
    Invalid = 3,

    /// <summary>The faulting entry was fixed.</summary>
    Fixed = 4,

    /// <summary>The faulting entry was already right.</summary>
    Spurious = 5,

    /// <summary>Not a RET_PF value: the fault was handed to the guest.</summary>
    GuestFault = 16,

    /// <summary>Not a RET_PF value: KVM_RUN returned an error to userspace. Only a trace shows it.</summary>
    Failed = 17,
}
