using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A root that a vCPU uses or keeps for later.</summary>
/// <param name="Table">The root page, a special root among them; null while there is none.</param>
/// <param name="Pgd">The guest's CR3 it belongs to; 0 for direct roots.</param>
/// <remarks>KVM: struct kvm_mmu_root_info.</remarks>
public readonly record struct MmuRoot(TablePage? Table, ulong Pgd)
{
    /// <summary>No root yet.</summary>
    /// <remarks>KVM: KVM_MMU_ROOT_INFO_INVALID.</remarks>
    public static MmuRoot Invalid { get; } = new(null, ulong.MaxValue);

    public bool IsValid => Table is not null;

    /// <summary>The root as a shadow page; null for special roots.</summary>
    public ShadowPage? ShadowPage => Table as ShadowPage;
}

/// <summary>Some of a vCPU's roots.</summary>
/// <remarks>KVM: KVM_MMU_ROOT_CURRENT, KVM_MMU_ROOT_PREVIOUS(), KVM_MMU_ROOTS_ALL.</remarks>
[Flags]
internal enum MmuRootSet : byte
{
    None = 0,
    Current = 1,
    Previous0 = 2,
    Previous1 = 4,
    Previous2 = 8,
    All = Current | Previous0 | Previous1 | Previous2,
}

/// <summary>The register that tells the CPU where KVM's tables begin.</summary>
public static class RootRegister
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
