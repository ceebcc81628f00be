using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Decides, from the guest's registers, what a vCPU's tables are like and who handles its faults.</summary>
internal sealed class MmuContexts(KvmVm vm, MmuRoots roots, RootCache rootCache, KvmFunction tdpHandler)
{
    private const ulong EptpWalkLength = 7UL << 3;
    private const ulong EptpFiveLevels = 4UL << 3;
    private const ulong EptpAccessedDirty = 1UL << 6;

    private readonly int _tdpLevel = TdpLevel(vm);

    /// <summary>Brings the vCPU's roles up to date; changes no root.</summary>
    /// <remarks>KVM: kvm_init_mmu().</remarks>
    public void Init(KvmVcpu vcpu)
    {
        var cpuRole = CpuRole.Of(vcpu.Registers, vcpu.IsGuestMode);
        if (vcpu.IsNested)
        {
            InitNested(vcpu.NestedMmu, cpuRole);
            return;
        }

        var mmu = vcpu.RootMmu;
        mmu.CpuRole = cpuRole;
        if (vm.TdpEnabled)
        {
            mmu.RootRole = TdpRootRole(cpuRole);
            mmu.PageFaultHandler = tdpHandler;
            return;
        }

        // KVM's own tables have PAE form at least, and NX always.
        mmu.RootRole = cpuRole.Base
            .WithLevel(Math.Max(cpuRole.Base.Level, PgLevel.RootPae))
            .With(PageRole.EferNxMask, true);
        mmu.PageFaultHandler = Handler(cpuRole);
    }

    /// <summary>
    /// Brings the roles for the shadow of a hypervisor's nested page tables up to date and looks for a root. The format of those tables
    /// is that of the hypervisor's own paging, as it was at VMRUN; CR0.WP counts as clear, since every access through them is a user's.
    /// </summary>
    /// <remarks>KVM: kvm_init_shadow_npt_mmu().</remarks>
    public void InitShadowNpt(KvmVcpu vcpu, ulong cr4, ulong efer)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmInitShadowNptMmu);
        var registers = new ControlRegisters { Cr0 = ControlBits.Cr0Pg, Cr4 = cr4 & ~ControlBits.Cr4Pke, Efer = efer };
        var cpuRole = CpuRole.Of(registers, isGuestMode: true);
        var mmu = vcpu.GuestMmu;
        mmu.CpuRole = cpuRole;
        mmu.RootRole = cpuRole.Base
            .WithLevel(_tdpLevel)
            .With(PageRole.PassthroughMask, _tdpLevel == PgLevel.Root5 && cpuRole.Base.Level == PgLevel.Root4);
        mmu.PageFaultHandler = Handler(cpuRole);
        rootCache.NewPgd(vcpu, vcpu.PgdOf(mmu));
    }

    /// <summary>
    /// Brings the roles for the shadow of a hypervisor's extended page tables up to date and looks for a root. Nothing of its registers counts;
    /// with and without accessed and dirty bits are different tables.
    /// </summary>
    /// <remarks>KVM: kvm_init_shadow_ept_mmu(), kvm_calc_shadow_ept_root_page_role(), vmx_eptp_page_walk_level().</remarks>
    public void InitShadowEpt(KvmVcpu vcpu, ulong eptp)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmInitShadowEptMmu);
        var level = (eptp & EptpWalkLength) == EptpFiveLevels ? PgLevel.Root5 : PgLevel.Root4;
        var role = new PageRole(PageRole.GuestModeMask)
            .WithAccess(PteAccess.All)
            .WithLevel(level)
            .With(PageRole.AdDisabledMask, (eptp & EptpAccessedDirty) == 0);
        var mmu = vcpu.GuestMmu;
        mmu.CpuRole = new CpuRole(role, Valid: true, false, false, false, false, false, false) { ExecuteOnly = vm.Profile.EptExecuteOnly };
        mmu.RootRole = role;
        mmu.PageFaultHandler = KvmFunction.EptPageFault;
        rootCache.NewPgd(vcpu, eptp);
    }

    /// <summary>Only what walks of the nested guest's tables need: they are never shadowed.</summary>
    /// <remarks>KVM: init_kvm_nested_mmu().</remarks>
    private static void InitNested(KvmMmu mmu, in CpuRole cpuRole)
    {
        mmu.CpuRole = cpuRole;
        mmu.PageFaultHandler = Handler(cpuRole);
    }

    private static KvmFunction Handler(in CpuRole cpuRole) => !cpuRole.Cr0Pg ? KvmFunction.NonpagingPageFault
        : cpuRole.Cr4Pae ? KvmFunction.Paging64PageFault
        : KvmFunction.Paging32PageFault;

    /// <summary>Drops the roots and brings the roles up to date.</summary>
    /// <remarks>KVM: kvm_mmu_reset_context().</remarks>
    public void Reset(KvmVcpu vcpu)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuResetContext);
        if (vm.Kernel.KeepsPreviousRoots)
            roots.Unload(vcpu);
        else
            roots.Free(vcpu.RootMmu, MmuRootSet.Current);
        Init(vcpu);
    }

    /// <remarks>KVM: kvm_calc_tdp_mmu_root_page_role().</remarks>
    private PageRole TdpRootRole(in CpuRole cpuRole) => new PageRole(vm.Kernel.TdpRolesHaveRegisters ? PageRole.Cr0WpMask | PageRole.EferNxMask : 0)
        .WithAccess(PteAccess.All)
        .With(PageRole.GuestModeMask, cpuRole.Base.GuestMode)
        .With(PageRole.AdDisabledMask, !vm.Format.AdEnabled && vm.Kernel.TdpRolesHaveRegisters)
        .WithLevel(_tdpLevel)
        .WithDirect(true);

    /// <summary>Five levels on Intel only where the guest's addresses need them; on AMD wherever the host walks five.</summary>
    /// <remarks>KVM: kvm_mmu_get_tdp_level().</remarks>
    private static int TdpLevel(KvmVm vm)
    {
        var profile = vm.Profile;
        var isUseful = profile.Vendor == CpuVendor.Amd || profile.GuestPhysicalAddressBits > 48;
        return profile.FiveLevelPaging && isUseful && vm.Kernel.HasFiveLevels ? PgLevel.Root5 : PgLevel.Root4;
    }
}
