using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Exits;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Registers;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>One virtual CPU.</summary>
/// <remarks>KVM: struct kvm_vcpu.</remarks>
public sealed partial class KvmVcpu : IHypervisor
{
    private const ulong PcidMask = 0xfff;

    private readonly IExitHandlers _exits;
    private readonly MmuContexts _contexts;
    private readonly MmuRoots _roots;
    private readonly RootLoader _rootLoader;
    private readonly TreeSync _treeSync;
    private readonly PageFaults _faults;
    private readonly PmlBuffer? _pml;

    internal KvmVcpu(KvmVm vm, ShadowMmu mmu, int id, ControlRegisters registers)
    {
        Vm = vm;
        Id = id;
        Registers = registers;
        (_contexts, _roots, _rootLoader, _treeSync, _faults) = (mmu.Contexts, mmu.Roots, mmu.RootLoader, mmu.TreeSync, mmu.Faults);
        Tlb = new VcpuTlb(this, mmu.TreeSync);
        Emulator = new Emulator(this, mmu.Translation, mmu.TableWrites, mmu.Syncs);
        Injector = new FaultInjector(this);
        TlbInstructions = new TlbInstructions(this, mmu.Syncs);
        RegisterWrites = RegisterWrites.Of(this, mmu);
        Nested = NestedTransitions.Of(this, mmu);
        Mmu = RootMmu;
        WalkMmu = RootMmu;
        _exits = vm.Profile.Vendor == CpuVendor.Intel ? new VmxExits(this, mmu.Faults) : new SvmExits(this, mmu.Faults);
        _pml = vm.CpuDirtyLog ? new PmlBuffer() : null;

        // vmx_vcpu_load_vmcs(): a vCPU that comes to a host CPU flushes it.
        if (vm.Profile.Vendor == CpuVendor.Intel)
            (Requests, FlushRequester) = (VcpuRequests.TlbFlush, id);
        // kvm_mmu_create(): the CPU's tables have PAE form while the guest is not in long mode.
        if (!vm.TdpEnabled)
            RootMmu.PaeRoot = vm.Pages.AllocateSpecial(PgLevel.RootPae);
        if (vm.Kernel.CpuidMarksRolesInvalid)
            GuestMmu.RootRole = NestedMmu.RootRole = new PageRole(PageRole.InvalidMask);
        _contexts.Init(this);
    }

    public KvmVm Vm { get; }

    public int Id { get; }

    /// <summary>
    /// The guest's registers, shared with the CPU model. Writes that exit are made by KVM while it handles the exit; the others by the CPU.
    /// </summary>
    public ControlRegisters Registers { get; }

    /// <summary>What the vCPU's faults go to: <see cref="RootMmu"/>, or <see cref="GuestMmu"/> while a guest runs under its hypervisor's page tables.</summary>
    /// <remarks>KVM: arch.mmu.</remarks>
    public KvmMmu Mmu { get; internal set; }

    /// <summary>Tables of the guest itself, and of a nested one that its hypervisor gave no page tables of its own.</summary>
    /// <remarks>KVM: arch.root_mmu.</remarks>
    public KvmMmu RootMmu { get; } = new();

    /// <summary>Tables that shadow those which the guest, as a hypervisor, made for its own guest.</summary>
    /// <remarks>KVM: arch.guest_mmu.</remarks>
    public KvmMmu GuestMmu { get; } = new();

    /// <summary>How the nested guest itself translates. Nothing of its tables is shadowed: it has no roots.</summary>
    /// <remarks>KVM: arch.nested_mmu.</remarks>
    public KvmMmu NestedMmu { get; } = new();

    /// <summary>What KVM walks to translate the running guest's linear addresses.</summary>
    /// <remarks>KVM: arch.walk_mmu.</remarks>
    public KvmMmu WalkMmu { get; internal set; }

    /// <inheritdoc/>
    /// <remarks>KVM: mmu_is_nested().</remarks>
    public bool IsNested => ReferenceEquals(WalkMmu, NestedMmu);

    /// <inheritdoc/>
    public bool IsGuestMode => Nested.IsGuestMode;

    /// <summary>The fault being handled.</summary>
    public PageFault Fault { get; } = new();

    public VcpuRequests Requests { get; internal set; }

    /// <summary>Who first asked for the flush that is pending: a vCPU, or below 0 the host.</summary>
    internal int FlushRequester { get; set; }

    public Intercepts Intercepts => VcpuIntercepts.Of(this);

    public ulong Cr0InterceptMask => VcpuIntercepts.Cr0Mask(this);

    public ulong Cr4InterceptMask => VcpuIntercepts.Cr4Mask(this);

    public HardwareRoot Root => LoadedRoot;

    public long FlushEpoch => Tlb.Epoch;

    public PmlBuffer? Pml => _pml is not null && Vm.LogsDirty ? _pml : null;

    public uint InjectedErrorCode => Injector.ErrorCode;

    /// <summary>The guest shut down: nothing runs any more.</summary>
    public bool IsShutDown { get; private set; }

    /// <summary>The PCID in use, 0 without CR4.PCIDE.</summary>
    /// <remarks>KVM: kvm_get_active_pcid().</remarks>
    internal ulong ActivePcid => Registers.Pcide ? Registers.Cr3 & PcidMask : 0;

    /// <summary>The instruction and address for which pages were last unprotected, so that the CPU might try again.</summary>
    /// <remarks>KVM: last_retry_eip, last_retry_addr.</remarks>
    internal (ulong Rip, ulong Address) LastRetry { get; set; }

    internal HardwareRoot LoadedRoot { get; set; }

    /// <summary>KVM has read the PDPTEs since the last exit. SVM does not tell them at an exit, where VMX does.</summary>
    /// <remarks>KVM: VCPU_EXREG_PDPTR in regs_avail.</remarks>
    internal bool HasPdptrs { get; set; }

    internal VcpuTlb Tlb { get; }

    internal MmioCache Mmio { get; } = new();

    internal Emulator Emulator { get; }

    internal FaultInjector Injector { get; }

    internal TlbInstructions TlbInstructions { get; }

    internal RegisterWrites RegisterWrites { get; }

    internal NestedTransitions Nested { get; }

    /// <summary>Userspace set the registers: where a recording starts, and after an INIT.</summary>
    /// <remarks>KVM: __set_sregs().</remarks>
    public void RegistersSet()
    {
        IsShutDown = false;
        Nested.Forget();
        if (Registers.Mode == PagingMode.Pae)
            RegisterWrites.LoadPdptrs(Registers.Cr3);
        _contexts.Reset(this);
        if (Vm.Kernel.SettingRegistersFlushes)
            Requests |= VcpuRequests.TlbFlushGuest;
    }

    /// <inheritdoc/>
    /// <remarks>KVM: vcpu_enter_guest(), up to the entry.</remarks>
    public void EnterGuest()
    {
        Emulator.EndString();
        if ((Requests == VcpuRequests.None && Mmu.Root.IsValid) || IsShutDown)
            return;
        using var scope = Vm.Journal.Enter(KvmFunction.VcpuEnterGuest);
        ProcessRequests();
        if (!Mmu.Root.IsValid && !_rootLoader.Load(this))
            ShutDown();
    }

    /// <summary>Makes what KVM's tables held for this vCPU before anything was seen of them. What another host would have had is its own matter.</summary>
    /// <returns>False: not with two-dimensional paging, or not modelled.</returns>
    public bool MapEarlier(EarlierMappings mappings)
    {
        ArgumentNullException.ThrowIfNull(mappings);
        if (!Vm.TdpEnabled)
            return false;
        EnterGuest();
        var isTold = true;
        // The traced host's tables: where a page is larger, none may be needed.
        foreach (var (level, gfn) in Vm.HostMemory.Recorded is null ? [] : mappings.Tables)
        {
            if (level < Mmu.RootRole.Level)
                isTold &= _faults.TryMapTables(this, gfn, level);
        }

        MapEarlier(mappings.Pages.Where(page => !page.Dirty), writes: false);
        if (mappings.Pages.Exists(page => page is { Dirty: false, Page.Writable: true }))
        {
            foreach (var slot in Vm.Memslots.All)
                Vm.HostEvents.DirtyLogGet(slot.BaseGfn << 12);
        }

        MapEarlier(mappings.Pages.Where(page => page.Dirty), writes: true);
        return isTold;
    }

    private void MapEarlier(IEnumerable<EarlierPage> pages, bool writes)
    {
        foreach (var (level, page, _) in pages)
        {
            Vm.HostEvents.Answer(new HostAnswer { Level = level, Pages = [page] });
            _faults.MapEarlier(this, page.Gfn, writes);
        }
    }

    /// <remarks>KVM: vcpu_enter_guest(), its first part; what injecting an event asks for waits for the next time around.</remarks>
    internal void ProcessRequests()
    {
        if (Requests == VcpuRequests.None)
            return;
        if (Take(VcpuRequests.MmuReload))
            _roots.Unload(this);
        if (Take(VcpuRequests.MmuFreeObsoleteRoots))
            _roots.FreeObsolete(this);
        if (Take(VcpuRequests.MmuSync))
            _treeSync.SyncRoots(this);
        if (Take(VcpuRequests.LoadMmuPgd))
            _rootLoader.LoadPgd(this);
        if (Take(VcpuRequests.TlbFlush))
        {
            Tlb.FlushAll();
            Take(VcpuRequests.TlbFlushCurrent);
        }

        ServiceLocalFlushes();
    }

    /// <summary>Serves the flushes of this vCPU's own translations that are pending, before what they are of changes.</summary>
    /// <remarks>KVM: kvm_service_local_tlb_flush_requests().</remarks>
    internal void ServiceLocalFlushes()
    {
        if (Take(VcpuRequests.TlbFlushCurrent))
            Tlb.FlushCurrentOnRequest();
        if (Take(VcpuRequests.TlbFlushGuest))
            Tlb.FlushGuestOnRequest();
    }

    /// <inheritdoc/>
    public ExitResult HandleExit(in VmExit exit)
    {
        if (IsShutDown && exit.Reason != ExitReason.NestedExit)
            return ExitResult.Shutdown;
        // It was the nested guest that shut down: its hypervisor runs on.
        IsShutDown = false;
        Vm.Journal.Vcpu = (byte)Id;
        Invariant.Holds(!IsPagingExit(exit.Reason) || !Vm.TdpEnabled || !Registers.PagingEnabled, $"{exit.Reason} exits in two-dimensional paging");
        LeaveGuest();
        using var scope = Vm.Journal.BeginExit(exit.Reason, exit.Info1, exit.Info2);
        var wasGuestMode = IsGuestMode;
        var result = _exits.Handle(exit);
        if (wasGuestMode)
            Nested.CheckEvents();
        return wasGuestMode && !IsGuestMode ? ExitResult.NestedExit : result;
    }

    /// <inheritdoc/>
    public void LeaveGuest()
    {
        HasPdptrs = false;
        if (!Vm.Profile.SetsAccessedInPdpte || !Vm.TdpEnabled || Registers.Mode != PagingMode.Pae)
            return;
        Registers.Forget();
        Tlb.Void();
    }

    /// <inheritdoc/>
    public ulong EmulatedString => Emulator.EmulatedString;

    /// <inheritdoc/>
    public ExitResult EmulateNext(in VmExit store, ulong? gpa)
    {
        Vm.Journal.Vcpu = (byte)Id;
        return Emulator.EmulateNext(Mmu.RootRole.Direct ? gpa ?? 0 : store.Gva, store);
    }

    /// <inheritdoc/>
    public bool CanRunNested(NestedEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return Nested.CanRun(entry);
    }

    /// <inheritdoc/>
    public void Vmrun(ulong vmcb, NestedEntry entry)
    {
        Vm.Journal.Vcpu = (byte)Id;
        LeaveGuest();
        using var scope = Vm.Journal.BeginExit(ExitReason.Vmrun, 0, vmcb);
        _exits.EnterNested(vmcb, entry);
    }

    /// <inheritdoc/>
    public void ReenterNested() => Nested.Reenter();

    /// <inheritdoc/>
    public (ulong Code, ulong Info1, ulong Info2) LastNestedExit => Nested.LastExit;

    /// <summary>A control register of the running guest changed, or all of them did.</summary>
    internal void TellRegisters() => Nested.TellRegisters();

    /// <summary>Root of the tables that the MMU walks: those of the nested guest's hypervisor, or the running guest's own.</summary>
    /// <remarks>KVM: kvm_mmu.get_guest_pgd.</remarks>
    internal ulong PgdOf(KvmMmu mmu) => ReferenceEquals(mmu, GuestMmu) ? Nested.TablesRoot : Registers.Cr3;

    /// <remarks>KVM: kvm_mmu.get_pdptr.</remarks>
    internal ulong PdpteOf(KvmMmu mmu, int index) => ReferenceEquals(mmu, GuestMmu) ? Nested.TablesPdpte(index) : Registers.Pdptes[index];

    /// <inheritdoc/>
    public bool TryGetHostAddress(ulong gpa, out ulong hpa)
    {
        var slot = Vm.Memslots.Find(gpa >> 12);
        hpa = 0;
        if (slot is null || slot.IsInvalid || !Vm.HostMemory.TryGetFrame(slot, gpa >> 12, out var pfn))
            return false;
        hpa = pfn << 12 | (gpa & 0xfff);
        return true;
    }

    /// <inheritdoc/>
    public bool IsApicAccessPage(ulong gpa) => Vm.Profile.PrivateMemslots && Vm.Memslots.Find(gpa >> 12) is { Id: PrivateMemslots.ApicAccessPage };

    /// <summary>Nothing runs any more until userspace sets the registers anew.</summary>
    /// <remarks>KVM: KVM_REQ_TRIPLE_FAULT.</remarks>
    private void ShutDown()
    {
        IsShutDown = true;
        LoadedRoot = default;
        Tlb.Void();
        Vm.Journal.Note(ModelNote.TripleFault, 0, Registers.Cr3, 0);
    }

    /// <summary>With two-dimensional paging the guest's own translations are none of KVM's business.</summary>
    private static bool IsPagingExit(ExitReason reason) => reason is ExitReason.Cr3Write or ExitReason.Invlpg or ExitReason.Invpcid or ExitReason.PageFault;

    private bool Take(VcpuRequests request)
    {
        var had = (Requests & request) != 0;
        Requests &= ~request;
        return had;
    }
}
