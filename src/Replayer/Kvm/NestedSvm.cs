using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>A guest that is a hypervisor itself (L1) and its own guest (L2): the ways in and out, and what each does to the vCPU's MMUs.</summary>
/// <remarks>KVM: svm/nested.c.</remarks>
internal sealed class NestedSvm(KvmVcpu vcpu)
{
    /// <summary>SVM_EXIT_EXCP_BASE + PF_VECTOR.</summary>
    public const ulong PageFaultExit = 0x4e;

    /// <summary>SVM_EXIT_NPF.</summary>
    public const ulong NestedPageFaultExit = 0x400;

    private const uint PageFaultVector = 14;

    private readonly KvmVm _vm = vcpu.Vm;
    private readonly ControlRegisters _registers = vcpu.Registers;
    private readonly ulong[] _otherPdptes = new ulong[4];
    private NestedEntry? _left;
    private (uint ErrorCode, ulong Address)? _queuedPageFault;
    private ulong _vmcb12;
    private bool _tells;
    private ulong _cr0;
    private ulong _cr3;
    private ulong _cr4;
    private ulong _efer;

    /// <summary>The running L2's, and with it the place of the journal's records; null while L1 runs.</summary>
    private NestedEntry? Entry
    {
        get;
        set
        {
            field = value;
            _vm.Journal.SetContext(vcpu.Id, Context);
        }
    }

    private GuestContext Context => Entry is null ? GuestContext.L1 : Entry.NestedPaging ? GuestContext.NestedL2 : GuestContext.L2;

    /// <remarks>KVM: is_guest_mode().</remarks>
    public bool IsGuestMode => Entry is not null;

    /// <summary>Root of L1's nested page tables.</summary>
    /// <remarks>KVM: nested_svm_get_tdp_cr3().</remarks>
    public ulong NestedCr3 => Entry?.NestedCr3 ?? 0;

    /// <summary>L1 wants L2's page faults for itself.</summary>
    public bool InterceptsPageFaults => Entry is { } entry && (entry.InterceptExceptions >> (int)PageFaultVector & 1) != 0;

    /// <summary>EXITINFO1 and EXITINFO2 of the nested page fault that is being handled; null where another exit is.</summary>
    public (ulong Info1, ulong Info2)? HardwareFault { get; set; }

    /// <summary>The exit that L1 got last: EXITINFO1 and EXITINFO2 of a nested page fault.</summary>
    public (ulong Code, ulong Info1, ulong Info2) LastExit { get; private set; }

    /// <summary>A PDPTE of PAE-form nested page tables, as it is in memory now.</summary>
    /// <remarks>KVM: nested_svm_get_tdp_pdptr().</remarks>
    public ulong TdpPdpte(int index)
    {
        var gpa = (NestedCr3 & ~31UL) + ((ulong)index * 8);
        if (_vm.Memslots.Find(gpa >> 12) is not { IsInvalid: false })
            return 0;
        if (!_vm.GuestMemory.TryRead64(gpa, out var pdpte))
            _vm.Journal.Note(ModelNote.UnknownTableContent, 0, gpa, 0);
        return pdpte;
    }

    /// <summary>L1 executed VMRUN. Every such transition syncs and flushes, whatever L1 asked for.</summary>
    /// <param name="vmcb12">Guest-physical address of the VMCB.</param>
    /// <param name="entry">What stands in there.</param>
    /// <param name="isReentry">The last exit did not happen.</param>
    /// <remarks>KVM: nested_svm_vmrun(), enter_svm_guest_mode(), nested_vmcb02_prepare_control(), nested_svm_transition_tlb_flush().</remarks>
    public void Vmrun(ulong vmcb12, NestedEntry entry, bool isReentry = false)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.NestedSvmVmrun);
        Invariant.Holds(!IsGuestMode, "VMRUN in guest mode");
        (_cr0, _cr3, _cr4, _efer) = (_registers.Cr0, _registers.Cr3, _registers.Cr4, _registers.Efer);
        _vmcb12 = vmcb12;
        Enter(entry);
        MarkVmcbDirty();
        Tell(isReentry ? GuestStateCause.Reentry : GuestStateCause.Vmrun);
    }

    /// <summary>The exit goes to L1.</summary>
    /// <remarks>KVM: nested_svm_vmexit().</remarks>
    public void Vmexit(ulong code, ulong info1, ulong info2)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.NestedSvmVmexit);
        Invariant.Holds(IsGuestMode, "#VMEXIT to a hypervisor that runs no guest");
        LastExit = (code, info1, info2);
        _left = Entry! with { Cr0 = _registers.Cr0, Cr3 = _registers.Cr3, Cr4 = _registers.Cr4, Efer = _registers.Efer };
        Entry = null;
        SetRegisters(_cr0 | ControlRegisters.Cr0Pe, _cr4, _efer);
        MarkVmcbDirty();
        vcpu.Requests |= VcpuRequests.MmuSync | VcpuRequests.TlbFlushCurrent;
        if (vcpu.IsNested)
            SwapPdptes();
        vcpu.Mmu = vcpu.RootMmu;
        vcpu.WalkMmu = vcpu.RootMmu;
        LoadCr3(_cr3, nestedPaging: false);
        Tell(GuestStateCause.Vmexit);
    }

    /// <summary>A control register changed. Nothing is told before L1 runs a guest.</summary>
    public void TellRegisters()
    {
        if (_tells)
            Tell(GuestStateCause.Registers);
    }

    /// <summary>L2 gets a page fault that L1 wants to see: L1 will, before anything runs again.</summary>
    /// <remarks>KVM: kvm_queue_exception_vmexit().</remarks>
    public void QueuePageFaultExit(ulong address, uint errorCode) => _queuedPageFault = (errorCode, address);

    /// <summary>The exit has been handled; L1 gets what was queued for it.</summary>
    /// <remarks>KVM: kvm_check_nested_events(), svm_check_nested_events().</remarks>
    public void CheckEvents()
    {
        if (_queuedPageFault is not { } fault)
            return;
        _queuedPageFault = null;
        if (!IsGuestMode)
            return;
        vcpu.ProcessRequests();
        Vmexit(PageFaultExit, fault.ErrorCode, fault.Address);
    }

    /// <summary>L1's own tables do not allow the access: it gets the fault.</summary>
    /// <remarks>KVM: nested_svm_inject_npf_exit().</remarks>
    public void InjectNpfExit(ulong address, uint errorCode)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.NestedSvmInjectNpfExit);
        var (info1, info2) = HardwareFault ?? (PageFaultError.GuestFinal, address);
        Vmexit(NestedPageFaultExit, (info1 & ~0xffff_ffffUL) | errorCode, info2);
    }

    /// <summary>The last exit did not happen: L2 goes on.</summary>
    public void Reenter()
    {
        if (_left is { } entry)
            Vmrun(_vmcb12, entry, isReentry: true);
    }

    /// <summary>The vCPU begins anew.</summary>
    /// <remarks>KVM: svm_leave_nested().</remarks>
    public void Forget()
    {
        Entry = null;
        _queuedPageFault = null;
        vcpu.Mmu = vcpu.RootMmu;
        vcpu.WalkMmu = vcpu.RootMmu;
    }

    private void Enter(NestedEntry entry)
    {
        vcpu.Requests |= VcpuRequests.MmuSync | VcpuRequests.TlbFlushCurrent;
        Entry = entry;
        if (entry.NestedPaging)
            InitMmuContext();
        SetRegisters(entry.Cr0, entry.Cr4, entry.Efer);
        LoadCr3(entry.Cr3, entry.NestedPaging);
    }

    /// <remarks>KVM: nested_svm_init_mmu_context().</remarks>
    private void InitMmuContext()
    {
        vcpu.Mmu = vcpu.GuestMmu;
        _vm.ShadowMmu.Contexts.InitShadowNpt(vcpu, _cr4, _efer);
        vcpu.WalkMmu = vcpu.NestedMmu;
        SwapPdptes();
    }

    private void Tell(GuestStateCause cause)
    {
        _tells = true;
        var state = GuestStateRecord.Of(_registers, Context, cause);
        if (Entry is { } entry)
        {
            state = state with
            {
                Vmcb = _vmcb12,
                Asid = entry.Asid,
                TlbControl = entry.TlbControl,
                NestedRoot = entry.NestedPaging ? entry.NestedCr3 : 0,
                NestedLevels = entry.NestedPaging ? (byte)vcpu.GuestMmu.CpuRole.Base.Level : (byte)0,
            };
        }
        else if (cause == GuestStateCause.Vmexit)
            state = state with { Vmcb = _vmcb12, Code = LastExit.Code, Info1 = LastExit.Info1, Info2 = LastExit.Info2 };

        _vm.Journal.GuestState(state);
    }

    /// <summary>Each MMU that walks has PDPTEs of its own.</summary>
    private void SwapPdptes()
    {
        for (var i = 0; i < _otherPdptes.Length; i++)
        {
            var other = _otherPdptes[i];
            _otherPdptes[i] = _registers.Pdptes[i];
            _registers.LoadPdpte(i, other);
        }
    }

    /// <remarks>KVM: svm_set_efer(), svm_set_cr0(), svm_set_cr4().</remarks>
    private void SetRegisters(ulong cr0, ulong cr4, ulong efer)
    {
        _registers.Efer = efer;
        _registers.Cr0 = cr0;
        if (_vm.TdpEnabled && ((_registers.Cr4 ^ cr4) & ControlRegisters.Cr4Pge) != 0)
        {
            using var scope = _vm.Journal.Enter(KvmFunction.SvmSetCr4);
            vcpu.Tlb.FlushCurrent();
        }

        _registers.Cr4 = cr4;
    }

    /// <remarks>KVM: nested_svm_load_cr3().</remarks>
    private void LoadCr3(ulong cr3, bool nestedPaging)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.NestedSvmLoadCr3);
        if (!nestedPaging && _registers.Mode == PagingMode.Pae)
            vcpu.RegisterWrites.LoadPdptrs(cr3);
        _registers.Cr3 = cr3;
        _vm.ShadowMmu.Contexts.Init(vcpu);
        if (!nestedPaging)
            _vm.ShadowMmu.RootCache.NewPgd(vcpu, cr3);
    }

    /// <summary>KVM writes L1's VMCB.</summary>
    /// <remarks>KVM: kvm_vcpu_unmap().</remarks>
    private void MarkVmcbDirty() => _vm.Memslots.Find(_vmcb12 >> 12)?.MarkDirty(_vmcb12 >> 12);
}
