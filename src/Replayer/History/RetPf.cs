namespace Replay.Replayer.History;

/// <summary>How a page fault ended in KVM. The numbers are this model's; a kernel's own are <see cref="Kvm.KvmBehaviour.Number"/>.</summary>
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

    /// <summary>The page stays write-protected, and the guest writes it: unprotect it or emulate. Linux 6.12.</summary>
    WriteProtected = 6,

    /// <summary>Not a RET_PF value: the fault was handed to the guest.</summary>
    GuestFault = 16,

    /// <summary>Not a RET_PF value: KVM_RUN returned an error to userspace. Only a trace shows it.</summary>
    Failed = 17,
}
