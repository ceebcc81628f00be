using Replay.Replayer.Kvm;
using Replay.Trace;

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

    /// <summary>The CPU left the guest for a reason that is none of the MMU's; <see cref="HandleExit"/> says so of its own.</summary>
    void LeaveGuest()
    {
    }

    /// <summary>Handles one exit.</summary>
    ExitResult HandleExit(in VmExit exit);

    /// <summary>Address of the repeated string instruction in the midst of which KVM's emulator is: the guest runs on when it is done. 0: none.</summary>
    ulong EmulatedString => 0;

    /// <summary>KVM's emulator does the next store of that instruction.</summary>
    /// <param name="store">The store.</param>
    /// <param name="gpa">Where it goes, as far as the source knows.</param>
    ExitResult EmulateNext(in VmExit store, ulong? gpa) => ExitResult.Emulated;

    /// <summary>The guest runs a guest of its own.</summary>
    bool IsGuestMode { get; }

    /// <summary>The guest runs a guest of its own on page tables that it made for it: KVM's are their shadow.</summary>
    bool IsNested { get; }

    /// <summary>A CPU of this kind, as KVM offers it to the guest, has VMRUN and can run such a guest.</summary>
    bool CanRunNested(NestedEntry entry);

    /// <summary>The guest executes VMRUN, which exits.</summary>
    /// <param name="vmcb">Guest-physical address of its VMCB.</param>
    /// <param name="entry">What stands in there.</param>
    void Vmrun(ulong vmcb, NestedEntry entry);

    /// <summary>Goes back into the nested guest as it was when its hypervisor got the last exit: the capture has no such exit.</summary>
    void ReenterNested();

    /// <summary>The exit that the guest's hypervisor got last: code, EXITINFO1, EXITINFO2.</summary>
    (ulong Code, ulong Info1, ulong Info2) LastNestedExit { get; }

    /// <summary>
    /// Where memslots and host have a guest-physical address now, whatever KVM's tables say: for verification, it changes nothing.
    /// False where no memslot is or the host has no page there.
    /// </summary>
    bool TryGetHostAddress(ulong gpa, out ulong hpa);

    /// <summary>The page that the CPU's APIC virtualization watches: accesses to it end there, and are the APIC's.</summary>
    bool IsApicAccessPage(ulong gpa) => false;
}
