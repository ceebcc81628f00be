using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm;

/// <summary>
/// The memslots that KVM makes for itself, where the host's profile has them: on Intel, under a VMM whose APIC is KVM's own, as QEMU's is.
/// </summary>
/// <remarks>KVM: KVM_PRIVATE_MEM_SLOTS.</remarks>
internal static class PrivateMemslots
{
    /// <summary>KVM_USER_MEM_SLOTS, and TSS_PRIVATE_MEMSLOT.</summary>
    public const int First = 32764;

    /// <summary>APIC_ACCESS_PAGE_PRIVATE_MEMSLOT.</summary>
    public const int ApicAccessPage = First + 1;

    /// <summary>IDENTITY_PAGETABLE_PRIVATE_MEMSLOT.</summary>
    public const int IdentityMap = First + 2;

    /// <summary>APIC_DEFAULT_PHYS_BASE.</summary>
    private const ulong ApicGpa = 0xfee0_0000;

    /// <summary>Where QEMU puts the real-mode TSS (KVM_SET_TSS_ADDR) and the identity map before it.</summary>
    private const ulong TssGpa = 0xfeff_d000;
    private const ulong IdentityMapGpa = 0xfeff_c000;
    private const ulong Page = 4096;

    /// <summary>Makes those that the VM has, in KVM's order: the TSS with the VM, the others with the first vCPU.</summary>
    /// <remarks>KVM: vmx_set_tss_addr(), alloc_apic_access_page(), init_rmode_identity_map().</remarks>
    public static void Create(KvmVm vm, MemslotUpdater slots)
    {
        if (vm.Profile is not { Vendor: CpuVendor.Intel, PrivateMemslots: true } profile)
            return;
        var isUnrestricted = profile.UnrestrictedGuest && vm.TdpEnabled && vm.Kernel.UnrestrictedGuestsSpareSlots;
        if (!isUnrestricted)
            slots.CreatePrivate(First, TssGpa, 3 * Page);
        slots.CreatePrivate(ApicAccessPage, ApicGpa, Page);
        if (!isUnrestricted && vm.TdpEnabled)
            slots.CreatePrivate(IdentityMap, IdentityMapGpa, Page);
    }
}
