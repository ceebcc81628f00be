using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>
/// A guest that is a hypervisor itself (L1) and its own guest (L2): the ways in and out, and what each does to the vCPU's MMUs. What is the same
/// under SVM and VMX.
/// </summary>
internal abstract class NestedTransitions(KvmVcpu vcpu, MmuContexts contexts, RootCache rootCache)
{
    private const int PageFaultVector = 14;

    private readonly ulong[] _otherPdptes = new ulong[4];
    private bool _tells;
    private NestedEntry? _left;
    private (uint ErrorCode, ulong Address)? _queuedPageFault;

    /// <remarks>KVM: is_guest_mode().</remarks>
    public bool IsGuestMode => Entry is not null;

    /// <summary>Root of the tables that L1 made for L2: nCR3, or the whole EPTP.</summary>
    /// <remarks>KVM: nested_svm_get_tdp_cr3(), nested_ept_get_eptp().</remarks>
    public ulong TablesRoot => Entry?.NestedCr3 ?? 0;

    /// <summary>L1 wants L2's page faults for itself.</summary>
    public bool InterceptsPageFaults => Entry is { } entry && (entry.InterceptExceptions >> PageFaultVector & 1) != 0;

    /// <summary>What the CPU told of the fault in KVM's tables that is being handled: EXITINFO1 and EXITINFO2, or qualification and address; null where another exit is.</summary>
    public (ulong Info1, ulong Info2)? HardwareFault { get; set; }

    /// <summary>The exit that L1 got last.</summary>
    public (ulong Code, ulong Info1, ulong Info2) LastExit { get; private set; }

    protected KvmVcpu Vcpu => vcpu;

    protected KvmVm Vm { get; } = vcpu.Vm;

    protected ControlRegisters Registers { get; } = vcpu.Registers;

    /// <summary>What L2 was entered with, and with it the place of the journal's records; null while L1 runs.</summary>
    protected NestedEntry? Entry
    {
        get;
        private set
        {
            field = value;
            Vm.Journal.SetContext(vcpu.Id, Context);
        }
    }

    private GuestContext Context => Entry is null ? GuestContext.L1 : Entry.NestedPaging ? GuestContext.NestedL2 : GuestContext.L2;

    /// <summary>Where L1 keeps what it told the CPU of L2.</summary>
    protected ulong Control { get; private set; }

    /// <summary>L1's registers while L2 runs. They are taken for what L1 goes on with, too.</summary>
    protected (ulong Cr0, ulong Cr3, ulong Cr4, ulong Efer) Outer { get; private set; }

    protected abstract KvmFunction EntryFunction { get; }

    protected abstract KvmFunction ExitFunction { get; }

    protected abstract KvmFunction LoadCr3Function { get; }

    public static NestedTransitions Of(KvmVcpu vcpu, ShadowMmu mmu) => vcpu.Vm.Profile.Vendor == CpuVendor.Amd
        ? new NestedSvm(vcpu, mmu.Contexts, mmu.RootCache)
        : new NestedVmx(vcpu, mmu.Contexts, mmu.RootCache, mmu.Roots, mmu.Syncs);

    /// <summary>KVM offers the guest what it needs to run this.</summary>
    public abstract bool CanRun(NestedEntry entry);

    /// <summary>A PDPTE of PAE-form tables that L1 made.</summary>
    public abstract ulong TablesPdpte(int index);

    /// <summary>L1's own tables do not allow the access: it gets the fault.</summary>
    public abstract void InjectTableFault(in WalkFault fault);

    /// <summary>L1 enters L2.</summary>
    /// <param name="control">Guest-physical address of the VMCB or VMCS.</param>
    /// <param name="entry">What stands in there.</param>
    /// <param name="isReentry">The last exit did not happen.</param>
    public void Enter(ulong control, NestedEntry entry, bool isReentry = false)
    {
        using var scope = Vm.Journal.Enter(EntryFunction);
        Invariant.Holds(!IsGuestMode, "a guest in guest mode was entered");
        BeforeTransition();
        Outer = (Registers.Cr0, Registers.Cr3, Registers.Cr4, Registers.Efer);
        Control = control;
        Entry = entry;
        RequestFlushes(isEntry: true);
        if (entry.NestedPaging)
        {
            vcpu.Mmu = vcpu.GuestMmu;
            InitTables();
            vcpu.WalkMmu = vcpu.NestedMmu;
            SwapPdptes();
        }

        SetRegisters(entry.Cr0, entry.Cr4, entry.Efer);
        LoadCr3(isReentry ? entry.Cr3 : Cr3Of(entry), entry.NestedPaging);
        AfterTransition();
        Tell(isReentry ? GuestStateCause.Reentry : GuestStateCause.Vmrun);
    }

    /// <summary>The exit goes to L1.</summary>
    public void Exit(ulong code, ulong info1, ulong info2)
    {
        using var scope = Vm.Journal.Enter(ExitFunction);
        Invariant.Holds(IsGuestMode, "an exit to a hypervisor that runs no guest");
        BeforeTransition();
        LastExit = (code, info1, info2);
        _left = Entry! with { Cr0 = Registers.Cr0, Cr3 = Registers.Cr3, Cr4 = Registers.Cr4, Efer = Registers.Efer };
        Entry = null;
        SetRegisters(Outer.Cr0 | ControlBits.Cr0Pe, Outer.Cr4, Outer.Efer);
        AfterTransition();
        if (vcpu.IsNested)
            SwapPdptes();
        vcpu.Mmu = vcpu.RootMmu;
        vcpu.WalkMmu = vcpu.RootMmu;
        LoadCr3(Outer.Cr3, nestedPaging: false);
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
    /// <remarks>KVM: kvm_check_nested_events(), svm_check_nested_events(), vmx_check_nested_events().</remarks>
    public void CheckEvents()
    {
        if (_queuedPageFault is not { } fault)
            return;
        _queuedPageFault = null;
        if (!IsGuestMode)
            return;
        vcpu.ProcessRequests();
        Exit(NestedExitCodes.Of(Vm.Profile.Vendor).PageFault, fault.ErrorCode, fault.Address);
    }

    /// <summary>The last exit did not happen: L2 goes on.</summary>
    public void Reenter()
    {
        if (_left is { } entry)
            Enter(Control, entry, isReentry: true);
    }

    /// <summary>The vCPU begins anew.</summary>
    /// <remarks>KVM: svm_leave_nested(), vmx_leave_nested().</remarks>
    public void Forget()
    {
        Entry = null;
        _queuedPageFault = null;
        vcpu.Mmu = vcpu.RootMmu;
        vcpu.WalkMmu = vcpu.RootMmu;
    }

    /// <summary>Before anything changes, on the way in and out.</summary>
    protected virtual void BeforeTransition()
    {
    }

    /// <summary>All registers but CR3 are those of the other side now.</summary>
    protected virtual void AfterTransition()
    {
    }

    /// <summary>Asks for the flushes that go with a transition.</summary>
    protected abstract void RequestFlushes(bool isEntry);

    /// <summary>Brings the MMU of L1's tables up to date.</summary>
    protected abstract void InitTables();

    /// <summary>The CR3 that L2 is entered with.</summary>
    protected virtual ulong Cr3Of(NestedEntry entry) => entry.Cr3;

    protected virtual void SetRegisters(ulong cr0, ulong cr4, ulong efer)
    {
        Registers.Efer = efer;
        Registers.Cr0 = cr0;
        Registers.Cr4 = cr4;
    }

    private void LoadCr3(ulong cr3, bool nestedPaging)
    {
        using var scope = Vm.Journal.Enter(LoadCr3Function);
        if (!nestedPaging && Registers.Mode == PagingMode.Pae)
            vcpu.RegisterWrites.LoadPdptrs(cr3);
        Registers.Cr3 = cr3;
        contexts.Init(vcpu);
        if (!nestedPaging)
            rootCache.NewPgd(vcpu, cr3);
    }

    private void Tell(GuestStateCause cause)
    {
        _tells = true;
        var state = GuestStateRecord.Of(Registers, Context, cause);
        if (Entry is { } entry)
        {
            state = state with
            {
                Vmcb = Control,
                Asid = entry.Asid,
                TlbControl = entry.TlbControl,
                NestedRoot = entry.NestedPaging ? entry.NestedCr3 : 0,
                NestedLevels = entry.NestedPaging ? (byte)vcpu.GuestMmu.CpuRole.Base.Level : (byte)0,
            };
        }
        else if (cause == GuestStateCause.Vmexit)
            state = state with { Vmcb = Control, Code = LastExit.Code, Info1 = LastExit.Info1, Info2 = LastExit.Info2, IsVmx = Vm.Profile.Vendor == CpuVendor.Intel };

        Vm.Journal.GuestState(state);
    }

    /// <summary>Each MMU that walks has PDPTEs of its own.</summary>
    private void SwapPdptes()
    {
        for (var i = 0; i < _otherPdptes.Length; i++)
        {
            var other = _otherPdptes[i];
            _otherPdptes[i] = Registers.Pdptes[i];
            Registers.LoadPdpte(i, other);
        }
    }
}
