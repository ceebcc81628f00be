using Replay.Replayer.Kvm;

namespace Replay.Replayer.Hardware;

/// <summary>What the CPU needs of the hypervisor for one vCPU. Called at exits only, never per access.</summary>
public interface IHypervisor
{
    /// <summary>What exits now.</summary>
    Intercepts Intercepts { get; }

    /// <summary>CR0 bits whose change exits (the guest/host mask; on AMD all but TS and MP). All ones: every write exits.</summary>
    ulong Cr0InterceptMask { get; }

    /// <summary>CR4 bits whose change exits. All ones: every write exits.</summary>
    ulong Cr4InterceptMask { get; }

    /// <summary>Where the CPU's walk of KVM's tables starts.</summary>
    HardwareRoot Root { get; }

    /// <summary>
    /// Counts the flushes that KVM asked of this vCPU's TLB, and changes of its root: a translation cached at another count is void.
    /// </summary>
    long FlushEpoch { get; }

    /// <summary>The buffer of page-modification logging; null while KVM has it switched off (and always without EPT A/D bits).</summary>
    PmlBuffer? Pml { get; }

    /// <summary>Error code of the #PF that KVM injected last: meaningful after <see cref="ExitResult.GuestFault"/>.</summary>
    uint InjectedErrorCode { get; }

    /// <summary>
    /// Enters the guest: KVM serves pending requests and loads its roots if they are not. Called before the first access of every run
    /// of accesses of this vCPU and after every exit; without anything pending it does nothing and leaves no row.
    /// </summary>
    void EnterGuest();

    /// <summary>Handles one exit.</summary>
    ExitResult HandleExit(in VmExit exit);

    /// <summary>
    /// Where memslots and host have a guest-physical address now, whatever KVM's tables say: for verification, it changes nothing.
    /// False where no memslot is or the host has no page there.
    /// </summary>
    bool TryGetHostAddress(ulong gpa, out ulong hpa);

    /// <summary>The page that the CPU's APIC virtualization watches: accesses to it end there, and are the APIC's.</summary>
    bool IsApicAccessPage(ulong gpa) => false;
}
