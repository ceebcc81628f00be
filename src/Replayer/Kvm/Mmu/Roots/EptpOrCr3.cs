using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The register that tells the CPU where KVM's tables begin: EPTP, nCR3 or CR3.</summary>
public static class EptpOrCr3
{
    private const ulong EptpWriteBack = 6;
    private const ulong EptpWalkLength4 = 3 << 3;
    private const ulong EptpWalkLength5 = 4 << 3;
    // For a nested guest as its hypervisor's EPTP has it.
    private const ulong EptpAdEnable = 1 << 6;

    /// <summary>EPTP, nCR3 or CR3 for a root.</summary>
    /// <remarks>KVM: construct_eptp(), vmx_load_mmu_pgd(), svm_load_mmu_pgd().</remarks>
    public static ulong Of(KvmVcpu vcpu, TablePage root, int level)
    {
        ArgumentNullException.ThrowIfNull(vcpu);
        ArgumentNullException.ThrowIfNull(root);
        var address = root.Pfn << 12;
        if (!vcpu.Vm.TdpEnabled)
            return address | (level >= PgLevel.Root4 ? vcpu.ActivePcid : 0);
        if (vcpu.Vm.Profile.Vendor == CpuVendor.Amd)
            return address;
        return address | EptpWriteBack
            | (level == PgLevel.Root5 ? EptpWalkLength5 : EptpWalkLength4)
            | (vcpu.Vm.Profile.EptAdBits && (!vcpu.IsGuestMode || (vcpu.Nested.TablesRoot & EptpAdEnable) != 0) ? EptpAdEnable : 0);
    }
}
