using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>
/// Nested guests under VMX. The tables that L1 made (EPT12) are synced when L1 says INVEPT, or when a root is made: a transition flushes what it
/// has to and syncs nothing.
/// </summary>
/// <remarks>KVM: vmx/nested.c: nested_vmx_enter_non_root_mode(), prepare_vmcs02(), nested_vmx_vmexit(), load_vmcs12_host_state().</remarks>
internal sealed class NestedVmx(KvmVcpu vcpu, MmuContexts contexts, RootCache rootCache, MmuRoots roots, PerForm<IGpteSync> syncs)
    : NestedTransitions(vcpu, contexts, rootCache)
{
    private const ulong Ep4taMask = Spte.BaseAddressMask;
    private const ulong GvaIsValid = 1UL << 7;
    private const ulong OnFinalTranslation = 1UL << 8;

    private readonly MmuContexts _contexts = contexts;
    private uint _lastVpid;
    private uint _vpid;
    private bool _hasRun;

    /// <summary>What L1 wrote last into its VMCS as L2's CR3, and into which.</summary>
    private ulong _writtenCr3;
    private ulong _writtenInto;

    protected override KvmFunction EntryFunction => KvmFunction.NestedVmxEnterNonRootMode;

    protected override KvmFunction ExitFunction => KvmFunction.NestedVmxVmexit;

    protected override KvmFunction LoadCr3Function => KvmFunction.NestedVmxLoadCr3;

    public override bool CanRun(NestedEntry entry) => Vm.Kernel.NestedVmxIsOn && entry.Vmx == true && (Vm.TdpEnabled || !entry.NestedPaging);

    /// <summary>Extended page tables have no PAE form.</summary>
    public override ulong TablesPdpte(int index) => 0;

    /// <summary>
    /// A violation, or, where the walk met reserved bits, a misconfiguration, which the CPU itself may have taken for a violation. What L1 is told
    /// of its entries is what the walk found in them.
    /// </summary>
    /// <remarks>KVM: nested_ept_inject_page_fault(), nested_ept_invalidate_addr().</remarks>
    public override void InjectTableFault(in WalkFault fault)
    {
        using var scope = Vm.Journal.Enter(KvmFunction.NestedEptInjectPageFault);
        foreach (var previous in Vcpu.Mmu.PreviousRoots)
        {
            if (IsOf(previous, TablesRoot))
                syncs.Of(Vcpu.Mmu)!.Invlpg(Vcpu, fault.Address, previous.Table);
        }

        var hardware = HardwareFault?.Info1 ?? 0;
        if ((fault.ErrorCode & Pferr.Reserved) != 0)
            Exit(NestedExitCodes.VmxMisconfiguration, Vm.Kernel.ClearsQualificationOfMisconfiguration ? 0 : hardware, fault.Address);
        else
            Exit(NestedExitCodes.Vmx.TableFault, (hardware & (GvaIsValid | OnFinalTranslation)) | fault.Qualification, fault.Address);
    }

    /// <summary>INVEPT: L1's tables are looked at anew from their roots on.</summary>
    /// <param name="type">1: those of one EPTP; 2: all.</param>
    /// <param name="eptp">Of the descriptor.</param>
    /// <remarks>KVM: handle_invept().</remarks>
    public void Invept(ulong type, ulong eptp)
    {
        using var scope = Vm.Journal.Enter(KvmFunction.HandleInvept);
        var mmu = Vcpu.GuestMmu;
        var set = type == 1 ? MmuRootSet.None : MmuRootSet.All;
        if (type == 1 && IsOf(mmu.Root, eptp))
            set |= MmuRootSet.Current;
        for (var i = 0; i < KvmMmu.PreviousRootCount && type == 1; i++)
        {
            if (IsOf(mmu.PreviousRoots[i], eptp))
                set |= MmuRoots.Previous(i);
        }

        roots.Free(mmu, set);
    }

    /// <summary>INVVPID, of whichever kind: it concerns the MMU only where L2's linear addresses are shadowed.</summary>
    /// <remarks>KVM: handle_invvpid(), kvm_mmu_free_guest_mode_roots().</remarks>
    public void Invvpid()
    {
        using var scope = Vm.Journal.Enter(KvmFunction.HandleInvvpid);
        if (Vm.TdpEnabled)
            return;
        using var freeing = Vm.Journal.Enter(KvmFunction.KvmMmuFreeGuestModeRoots);
        var set = MmuRootSet.None;
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            if (Vcpu.RootMmu.PreviousRoots[i] is { IsValid: true } root && root.ShadowPage is not { Role.GuestMode: false })
                set |= MmuRoots.Previous(i);
        }

        roots.Free(Vcpu.RootMmu, set);
    }

    /// <remarks>KVM: kvm_service_local_tlb_flush_requests().</remarks>
    protected override void BeforeTransition() => Vcpu.ServiceLocalFlushes();

    /// <summary>The VMCS that KVM has for L2 is loaded for the first time with the first entry, and with it all is flushed.</summary>
    /// <remarks>KVM: nested_vmx_transition_tlb_flush(); vmx_switch_vmcs(), vmx_vcpu_load_vmcs().</remarks>
    protected override void RequestFlushes(bool isEntry)
    {
        if (!_hasRun)
            Vcpu.Requests |= VcpuRequests.TlbFlush;
        _hasRun = true;
        if (isEntry)
            _vpid = Entry!.Asid;
        if (_vpid == 0 || (isEntry && _vpid != _lastVpid))
            Vcpu.Requests |= VcpuRequests.TlbFlushGuest;
        if (_vpid != 0)
            _lastVpid = _vpid;
    }

    /// <summary>Without EPT L2's CR3 is not its own to KVM, which leaves in VMCS12 what L1 wrote there: a CR3 that L2 loaded itself is lost with the exit.</summary>
    /// <remarks>KVM: sync_vmcs02_to_vmcs12().</remarks>
    protected override ulong Cr3Of(NestedEntry entry)
    {
        if (entry.Cr3Written == false && !Vm.TdpEnabled && _writtenInto == Control)
            return _writtenCr3;
        (_writtenInto, _writtenCr3) = (Control, entry.Cr3);
        return entry.Cr3;
    }

    /// <remarks>KVM: nested_ept_init_mmu_context().</remarks>
    protected override void InitTables() => _contexts.InitShadowEpt(Vcpu, TablesRoot);

    /// <remarks>KVM: prepare_vmcs02(), which takes the PDPTEs of VMCS12; ept_save_pdptrs().</remarks>
    protected override void AfterTransition()
    {
        if (!IsGuestMode)
            RequestFlushes(isEntry: false);
        else if (Entry is { Pdpte0: { } first, Pdpte1: { } second, Pdpte2: { } third, Pdpte3: { } fourth })
        {
            Registers.LoadPdpte(0, first);
            Registers.LoadPdpte(1, second);
            Registers.LoadPdpte(2, third);
            Registers.LoadPdpte(3, fourth);
        }
    }

    /// <summary>The CPU's mappings belong to the address of the root, whatever else the EPTP says.</summary>
    /// <remarks>KVM: nested_ept_root_matches().</remarks>
    private static bool IsOf(MmuRoot root, ulong eptp) => root.IsValid && ((root.Pgd ^ eptp) & Ep4taMask) == 0;
}
