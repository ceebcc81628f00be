using Replay.Replayer.Kvm;

namespace Replay.Replayer.Hardware;

/// <summary>What the CPU needs of the hypervisor for one vCPU. Called at exits only, never per access.</summary>
public interface IHypervisor
{
    /// <summary>What exits now.</summary>
    Intercepts Intercepts { get; }

    /// <summary>CR0 bits whose change exits (the guest/host mask; on AMD all but TS and MP).</summary>
    ulong Cr0InterceptMask { get; }

    /// <summary>CR4 bits whose change exits.</summary>
    ulong Cr4InterceptMask { get; }

    /// <summary>Where the CPU's walk of KVM's tables starts.</summary>
    HardwareRoot Root { get; }

    /// <summary>
    /// Counts the flushes that KVM asked of this vCPU's TLB, and changes of its root: a translation cached at another count is void.
    /// </summary>
    long FlushEpoch { get; }

    /// <summary>Enters the guest: KVM loads its roots if they are not. Called before the first access and after every exit.</summary>
    void EnterGuest();

    /// <summary>Handles one exit.</summary>
    ExitResult HandleExit(in VmExit exit);
}
