using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>Nested guests under SVM. Every transition syncs and flushes, whatever L1 asked for.</summary>
/// <remarks>KVM: what svm/nested.c does in its own way; the way in and out is <see cref="NestedTransitions"/>.</remarks>
internal sealed class NestedSvm(KvmVcpu vcpu, MmuContexts contexts, RootCache rootCache) : NestedTransitions(vcpu, contexts, rootCache)
{
    private readonly MmuContexts _contexts = contexts;

    protected override KvmFunction EntryFunction => KvmFunction.NestedSvmVmrun;

    protected override KvmFunction ExitFunction => KvmFunction.NestedSvmVmexit;

    protected override KvmFunction LoadCr3Function => KvmFunction.NestedSvmLoadCr3;

    public override bool CanRun(NestedEntry entry) => entry.Vmx != true && (Vm.TdpEnabled || !entry.NestedPaging);

    /// <summary>A PDPTE of PAE-form nested page tables, as it is in memory now.</summary>
    /// <remarks>KVM: nested_svm_get_tdp_pdptr().</remarks>
    public override ulong TablesPdpte(int index)
    {
        var gpa = (TablesRoot & ~31UL) + ((ulong)index * 8);
        if (Vm.Memslots.Find(gpa >> 12) is not { IsInvalid: false })
            return 0;
        if (!Vm.GuestMemory.TryRead64(gpa, out var pdpte))
            Vm.Journal.Note(ModelNote.UnknownTableContent, 0, gpa, 0);
        return pdpte;
    }

    /// <remarks>KVM: nested_svm_inject_npf_exit().</remarks>
    public override void InjectTableFault(in WalkFault fault)
    {
        using var scope = Vm.Journal.Enter(KvmFunction.NestedSvmInjectNpfExit);
        var (info1, info2) = HardwareFault ?? (Pferr.GuestFinal, fault.Address);
        Exit(NestedExitCodes.Svm.TableFault, (info1 & ~0xffff_ffffUL) | fault.ErrorCode, info2);
    }

    /// <remarks>KVM: nested_vmcb02_prepare_control(), nested_svm_transition_tlb_flush().</remarks>
    protected override void RequestFlushes(bool isEntry) => Vcpu.Requests |= VcpuRequests.MmuSync | VcpuRequests.TlbFlushCurrent;

    /// <remarks>KVM: nested_svm_init_mmu_context().</remarks>
    protected override void InitTables() => _contexts.InitShadowNpt(Vcpu, Outer.Cr4, Outer.Efer);

    /// <remarks>KVM: svm_set_efer(), svm_set_cr0(), svm_set_cr4().</remarks>
    protected override void SetRegisters(ulong cr0, ulong cr4, ulong efer)
    {
        Registers.Efer = efer;
        Registers.Cr0 = cr0;
        if (Vm.TdpEnabled && ((Registers.Cr4 ^ cr4) & ControlBits.Cr4Pge) != 0)
        {
            using var scope = Vm.Journal.Enter(KvmFunction.SvmSetCr4);
            Vcpu.Tlb.FlushCurrent();
        }

        Registers.Cr4 = cr4;
    }

    /// <summary>KVM writes L1's VMCB.</summary>
    /// <remarks>KVM: kvm_vcpu_unmap().</remarks>
    protected override void AfterTransition()
    {
        Vm.Memslots.Find(Control >> 12)?.MarkDirty(Control >> 12);
        if (!IsGuestMode)
            RequestFlushes(isEntry: false);
    }
}
