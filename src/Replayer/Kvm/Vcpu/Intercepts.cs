using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>Which guest actions exit. KVM changes it with the mode and the guest's paging state.</summary>
[Flags]
public enum Intercepts : ushort
{
    None = 0,
    PageFault = 1,
    Cr3Write = 2,
    Invlpg = 4,
    Invpcid = 8,
    EferWrite = 16,
}

/// <summary>What exits, by vendor, mode and the guest's paging state.</summary>
/// <remarks>KVM: vmx_exec_control(), vmx_l1_guest_owned_cr0_bits(), set_cr4_guest_host_mask(), init_vmcb(), svm_set_cr0().</remarks>
internal static class VcpuIntercepts
{
    private const ulong Cr0Mp = 1UL << 1;
    private const ulong Cr0Ts = 1UL << 3;
    private const ulong Everything = ulong.MaxValue;

    public static Intercepts Of(KvmVcpu vcpu)
    {
        var vm = vcpu.Vm;
        if (!vm.TdpEnabled)
            return Intercepts.PageFault | Intercepts.Cr3Write | Intercepts.Invlpg | Intercepts.Invpcid | Intercepts.EferWrite;

        // A restricted guest cannot really run without paging: KVM runs it on a CR3 of its own.
        var mayRunOnKvmsCr3 = vm.Profile.Vendor == CpuVendor.Intel && (!vm.Profile.UnrestrictedGuest || vm.Kernel.InterceptsCr3WithoutPaging);
        var runsOnKvmsCr3 = mayRunOnKvmsCr3 && !vcpu.Registers.PagingEnabled;
        return Intercepts.EferWrite | (runsOnKvmsCr3 ? Intercepts.Cr3Write : Intercepts.None);
    }

    public static ulong Cr0Mask(KvmVcpu vcpu)
    {
        var vm = vcpu.Vm;
        if (vm.Profile.Vendor == CpuVendor.Intel)
            return ~(vm.TdpEnabled && vm.Kernel.GuestOwnsCr0Wp ? Cr0Ts | ControlBits.Cr0Wp : Cr0Ts);

        // Where the CPU runs with another CR0 than the guest sees, every write is intercepted; otherwise the selective intercept does.
        var cr0 = vcpu.Registers.Cr0;
        var caching = (cr0 & (ControlBits.Cr0Cd | ControlBits.Cr0Nw)) == 0;
        const ulong forced = ControlBits.Cr0Pg | ControlBits.Cr0Wp;
        var sameCr0 = caching && (vm.TdpEnabled || (cr0 & forced) == forced);
        return sameCr0 ? ~(Cr0Ts | Cr0Mp) : Everything;
    }

    public static ulong Cr4Mask(KvmVcpu vcpu)
    {
        var vm = vcpu.Vm;
        if (vm.Profile.Vendor == CpuVendor.Amd)
            return Everything;
        return ~(vm.TdpEnabled ? vm.Kernel.Cr4GuestBits : vm.Kernel.Cr4GuestBits & ~ControlBits.Cr4Pge);
    }
}
