using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Decides, from the guest's registers, what a vCPU's tables are like and who handles its faults.</summary>
internal sealed class MmuContexts(KvmVm vm)
{
    private readonly int _tdpLevel = TdpLevel(vm.Profile);

    /// <summary>Brings the vCPU's roles up to date; changes no root.</summary>
    /// <remarks>KVM: kvm_init_mmu().</remarks>
    public void Init(KvmVcpu vcpu)
    {
        var cpuRole = CpuRole.Of(vcpu.Registers);
        var mmu = vcpu.Mmu;
        mmu.CpuRole = cpuRole;
        if (vm.TdpEnabled)
        {
            mmu.RootRole = TdpRootRole();
            mmu.PageFaultHandler = KvmFunction.KvmTdpPageFault;
            return;
        }

        // KVM's own tables have PAE form at least, and NX always.
        mmu.RootRole = cpuRole.Base
            .WithLevel(Math.Max(cpuRole.Base.Level, PgLevel.RootPae))
            .With(PageRole.EferNxMask, true);
        mmu.PageFaultHandler = !cpuRole.Cr0Pg ? KvmFunction.NonpagingPageFault
            : cpuRole.Cr4Pae ? KvmFunction.Paging64PageFault
            : KvmFunction.Paging32PageFault;
    }

    /// <summary>Drops the roots and brings the roles up to date.</summary>
    /// <remarks>KVM: kvm_mmu_reset_context().</remarks>
    public void Reset(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuResetContext);
        vm.ShadowMmu.Roots.Unload(vcpu);
        Init(vcpu);
    }

    /// <remarks>KVM: kvm_calc_tdp_mmu_root_page_role().</remarks>
    private PageRole TdpRootRole() => new PageRole(PageRole.Cr0WpMask | PageRole.EferNxMask)
        .WithAccess(PteAccess.All)
        .With(PageRole.AdDisabledMask, !vm.Format.AdEnabled)
        .WithLevel(_tdpLevel)
        .WithDirect(true);

    /// <summary>Five levels on Intel only where the guest's addresses need them; on AMD wherever the host walks five.</summary>
    /// <remarks>KVM: kvm_mmu_get_tdp_level().</remarks>
    private static int TdpLevel(HostProfile profile)
    {
        var isUseful = profile.Vendor == CpuVendor.Amd || profile.GuestPhysicalAddressBits > 48;
        return profile.FiveLevelPaging && isUseful ? PgLevel.Root5 : PgLevel.Root4;
    }
}
