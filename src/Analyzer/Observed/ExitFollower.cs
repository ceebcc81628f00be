using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Follows exits and faults: each begins with one line, and ends where its thread enters the guest again or exits once more.</summary>
internal sealed class ExitFollower(ObservedHost host, Scribe scribe, ShownEvents shown)
{
    private const uint Efer = 0xc000_0080;

    public void Exit(ObservedThread thread, in ExitFields fields, NestedFollower nested)
    {
        Finish(thread, FaultEnding.Unseen);
        nested.Exit(thread);
        ExitReasons.TryFind(fields.Reason, out var code);
        var (pending, reason) = host.IsIntel ? VmxReason(code, fields) : SvmReason(code);
        thread.Pending = pending;
        var record = new VmExitRecord
        {
            Seq = pending == PendingExit.None ? 0 : scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Info1 = fields.Info1 ?? Unseen.Word,
            Info2 = Unseen.Word,
            Rip = fields.Rip ?? Unseen.Word,
            ExitId = pending == PendingExit.Certain ? scribe.NextExit() : -1,
            Reason = reason,
            Vcpu = thread.Vcpu,
            Context = thread.Running,
        };
        thread.Exit = reason switch
        {
            ExitReason.PageFault when host.IsIntel => record with { Info1 = fields.ErrorCode ?? Unseen.Word, Info2 = fields.Info1 ?? Unseen.Word },
            ExitReason.Npf or ExitReason.PageFault => record with { Info2 = fields.Info2 ?? Unseen.Word },
            // Without decode assists EXITINFO1 is 0.
            ExitReason.Invlpg when host.IsIntel || fields.Info1 != 0 => record with { Info2 = fields.Info1 ?? Unseen.Word },
            _ => record,
        };
    }

    /// <summary>The thread goes back to the guest, or to userspace: what it did for the exit is over.</summary>
    public void Finish(ObservedThread thread, FaultEnding ending)
    {
        EndFault(thread, ending);
        TellExit(thread);
        thread.Pending = PendingExit.None;
        thread.Exit = new VmExitRecord { ExitId = -1 };
        thread.Chain = 0;
        thread.RequestedGfn = Unseen.Word;
        thread.WalkedAddress = Unseen.Word;
        thread.LinkEntry = 0;
        thread.SetEntry = 0;
        thread.TdpPage = null;
        thread.GotPage = null;
        thread.ZapPage = null;
    }

    /// <summary>kvm_page_fault: its address completes the exit.</summary>
    public void PageFault(ObservedThread thread, in PageFaultFields fields)
    {
        if (thread.Pending == PendingExit.IfPageFault)
            Confirm(thread, thread.Exit with { Reason = ExitReason.PageFault, Info1 = fields.ErrorCode, Info2 = fields.Address });
        else if (thread.Pending == PendingExit.Certain)
            Address(thread, fields.Address);
        var errorCode = host.Paging == ObservedPaging.Ept ? OfQualification(fields.ErrorCode) : fields.ErrorCode;
        Begin(thread, fields.Address, errorCode, fields.Rip ?? thread.Exit.Rip);
    }

    /// <summary>A fault that no kvm_page_fault announced: an EPT misconfiguration.</summary>
    public void Misconfiguration(ObservedThread thread, ulong address, ulong errorCode)
    {
        if (thread.FaultIsOpen)
            return;
        Address(thread, address);
        Begin(thread, address, errorCode, thread.Exit.ExitId >= 0 ? thread.Exit.Rip : Unseen.Word);
    }

    /// <summary>The lines after an exit tell the address that it is about.</summary>
    public static void Address(ObservedThread thread, ulong address)
    {
        if (thread.Pending == PendingExit.Certain && thread.Exit.Info2 == Unseen.Word)
            thread.Exit = thread.Exit with { Info2 = address };
    }

    public static void ControlRegister(ObservedThread thread, in ControlRegisterFields fields)
    {
        if (fields.IsWrite && thread.Exit.Reason is ExitReason.Cr0Write or ExitReason.Cr3Write or ExitReason.Cr4Write)
            Address(thread, fields.Value);
    }

    public void Msr(ObservedThread thread, in MsrFields fields)
    {
        if (thread.Pending == PendingExit.IfEfer && fields.IsWrite && fields.Index == Efer)
            Confirm(thread, thread.Exit with { Reason = ExitReason.EferWrite, Info2 = fields.Value });
    }

    /// <summary>How the fault being handled ends, once a line shows it.</summary>
    public static void Outcome(ObservedThread thread, RetPf outcome)
    {
        if (thread.FaultIsOpen)
            thread.Fault = thread.Fault with { Outcome = thread.WalkFailed && outcome == RetPf.Retry ? RetPf.GuestFault : outcome };
    }

    public static void Handler(ObservedThread thread, KvmFunction handler)
    {
        if (thread.FaultIsOpen && thread.Fault.Handler is KvmFunction.None)
            thread.Fault = thread.Fault with { Handler = handler };
    }

    /// <summary>A leaf was set: at this level KVM mapped the page, if it is the one asked for.</summary>
    public static void Mapped(ObservedThread thread, ulong gfn, int level)
    {
        var shift = 9 * (level - 1);
        if (thread.FaultIsOpen && thread.RequestedGfn != Unseen.Word && thread.RequestedGfn >> shift == gfn >> shift)
            thread.Fault = thread.Fault with { MappedLevel = (byte)level };
    }

    /// <summary>A leaf became another while the fault was handled: where nothing else tells, that is how it ended.</summary>
    public static void LeafChanged(ObservedThread thread) => thread.FaultMapped |= thread.FaultIsOpen;

    public void GuestFault(ObservedThread thread, in InjectedExceptionFields fields)
    {
        if (!fields.IsPageFault || fields.Reinjected)
            return;
        Confirm(thread);
        var address = !host.IsTwoDimensional && thread.FaultIsOpen ? thread.Fault.Address : thread.WalkedAddress;
        var record = new GuestFaultRecord
        {
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Gva = address,
            Rip = thread.Exit.ExitId >= 0 ? thread.Exit.Rip : Unseen.Word,
            ExitId = thread.Exit.ExitId,
            ErrorCode = fields.ErrorCode ?? 0,
            Vcpu = thread.Vcpu,
            Recorded = 1,
            Context = thread.Running,
        };
        thread.FaultEnd = record.Seq;
        Outcome(thread, RetPf.GuestFault);
        scribe.GuestFault(record);
    }

    /// <summary>Tells the exit: nothing more is to be learned of it.</summary>
    public void TellExit(ObservedThread thread)
    {
        if (thread.Pending != PendingExit.Certain)
            return;
        thread.Pending = PendingExit.None;
        scribe.Exit(thread.Exit);
    }

    /// <summary>L1 gets the exit of its own guest: a row of its own where it is none that concerns the MMU.</summary>
    public void HandToHypervisor(ObservedThread thread, ulong code, ulong info1)
    {
        Confirm(thread);
        if (thread.Exit.ExitId >= 0)
            return;
        thread.Exit = new VmExitRecord
        {
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Info1 = code,
            Info2 = info1,
            Rip = thread.Exit.Rip,
            ExitId = scribe.NextExit(),
            Reason = ExitReason.NestedExit,
            Vcpu = thread.Vcpu,
            Context = thread.Running,
        };
        scribe.Exit(thread.Exit);
    }

    private void EndFault(ObservedThread thread, FaultEnding ending)
    {
        if (!thread.FaultIsOpen)
            return;
        TellExit(thread);
        if ((byte)thread.Fault.Outcome == Unseen.Byte)
            thread.Fault = thread.Fault with { Outcome = Derived(thread, ending) };
        thread.FaultIsOpen = false;
        scribe.Fault(thread.Fault, Math.Max(thread.FaultEnd, thread.Fault.Seq), thread.Exit.ExitId >= 0 ? thread.Exit.Reason : default);
    }

    /// <summary>How a fault ended whose handler's return no line shows: by what KVM did for it, and by what came next.</summary>
    private RetPf Derived(ObservedThread thread, FaultEnding ending)
    {
        if (thread.FaultMapped)
            return RetPf.Fixed;
        if (ending == FaultEnding.Error)
            return RetPf.Failed;
        if (ending != FaultEnding.GuestGoesOn || !shown.Leaves || !shown.Requests)
            return (RetPf)Unseen.Byte;
        // KVM came as far as mapping it, and wrote nothing: the entry was right. Or it gave up before that, as something changes under it.
        if (thread.RequestedGfn == Unseen.Word || thread.WalkFailed)
            return RetPf.Retry;
        return host.UsesTdpMmu && !thread.IsNested && !thread.FaultSet ? RetPf.Retry : RetPf.Spurious;
    }

    private void Begin(ObservedThread thread, ulong address, ulong errorCode, ulong rip)
    {
        EndFault(thread, FaultEnding.Unseen);
        Confirm(thread);
        thread.WalkFailed = false;
        thread.FaultMapped = false;
        thread.FaultSet = false;
        thread.RequestedGfn = Unseen.Word;
        thread.FaultIsOpen = true;
        thread.FaultEnd = 0;
        thread.Fault = new FaultRecord
        {
            Seq = scribe.NextSeq(),
            Ordinal = scribe.Ordinal,
            Address = address,
            Gva = host.IsTwoDimensional ? Unseen.Word : address,
            ErrorCode = errorCode,
            Rip = rip,
            FaultId = scribe.NextFault(),
            ExitId = thread.Exit.ExitId,
            // What handles a nested guest's fault depends on how its hypervisor translates.
            Handler = (errorCode & Pferr.Reserved) != 0 ? KvmFunction.HandleMmioPageFault
                : host.IsTwoDimensional && !thread.IsNested ? KvmFunction.KvmTdpPageFault : KvmFunction.None,
            Outcome = (RetPf)Unseen.Byte,
            Access = (errorCode & Pferr.Fetch) != 0 ? AccessKind.Fetch : (errorCode & Pferr.Write) != 0 ? AccessKind.Write : AccessKind.Read,
            Vcpu = thread.Vcpu,
            Context = thread.Running,
        };
    }

    /// <summary>An exit whose reason was in doubt has none that concerns the MMU.</summary>
    private static void Confirm(ObservedThread thread)
    {
        if (thread.Pending is PendingExit.IfEfer or PendingExit.IfPageFault)
            thread.Pending = PendingExit.None;
    }

    private void Confirm(ObservedThread thread, in VmExitRecord exit)
    {
        thread.Exit = exit with { ExitId = scribe.NextExit() };
        thread.Pending = PendingExit.Certain;
    }

    /// <remarks>KVM: handle_ept_violation().</remarks>
    private static ulong OfQualification(ulong qualification)
    {
        var errorCode = (qualification & 1) != 0 ? Pferr.User : 0;
        errorCode |= (qualification & 2) != 0 ? Pferr.Write : 0;
        errorCode |= (qualification & 4) != 0 ? Pferr.Fetch : 0;
        errorCode |= (qualification & 0x38) != 0 ? Pferr.Present : 0;
        return errorCode | ((qualification & 0x100) != 0 ? Pferr.GuestFinal : Pferr.GuestPage);
    }

    private static (PendingExit Pending, ExitReason Reason) VmxReason(ExitNumber code, in ExitFields fields) => code.Number switch
    {
        _ when code.Isa == ExitIsa.Svm => default,
        // Only a name says so: a bare 0 is no reason.
        ExitReasons.VmxException when code.Isa == ExitIsa.Unknown => default,
        ExitReasons.VmxEptViolation => (PendingExit.Certain, ExitReason.EptViolation),
        ExitReasons.VmxEptMisconfig => (PendingExit.Certain, ExitReason.EptMisconfig),
        ExitReasons.VmxException when fields.TellsPageFault() => (PendingExit.Certain, ExitReason.PageFault),
        ExitReasons.VmxException when fields.InterruptInfo is null => (PendingExit.IfPageFault, default),
        ExitReasons.VmxCrAccess => fields.Info1 is { } qualification ? CrAccess(qualification) : default,
        ExitReasons.VmxMsrWrite => (PendingExit.IfEfer, default),
        ExitReasons.VmxInvlpg => (PendingExit.Certain, ExitReason.Invlpg),
        ExitReasons.VmxInvpcid => (PendingExit.Certain, ExitReason.Invpcid),
        ExitReasons.VmxPmlFull => (PendingExit.Certain, ExitReason.PmlFull),
        _ => default,
    };

    /// <summary>Bits 3 to 0 of the qualification: which register; 5 and 4: MOV to it, MOV from it, CLTS, LMSW.</summary>
    private static (PendingExit Pending, ExitReason Reason) CrAccess(ulong qualification) => (qualification >> 4 & 3, qualification & 15) switch
    {
        (0, 0) or (2, _) or (3, _) => (PendingExit.Certain, ExitReason.Cr0Write),
        (0, 3) => (PendingExit.Certain, ExitReason.Cr3Write),
        (0, 4) => (PendingExit.Certain, ExitReason.Cr4Write),
        _ => default,
    };

    private static (PendingExit Pending, ExitReason Reason) SvmReason(ExitNumber code) => code.Number switch
    {
        _ when code.Isa == ExitIsa.Vmx => default,
        ExitReasons.SvmNpf => (PendingExit.Certain, ExitReason.Npf),
        ExitReasons.SvmPageFault => (PendingExit.Certain, ExitReason.PageFault),
        ExitReasons.SvmWriteCr0 or ExitReasons.SvmCr0SelectiveWrite => (PendingExit.Certain, ExitReason.Cr0Write),
        ExitReasons.SvmWriteCr3 => (PendingExit.Certain, ExitReason.Cr3Write),
        ExitReasons.SvmWriteCr4 => (PendingExit.Certain, ExitReason.Cr4Write),
        ExitReasons.SvmMsr => (PendingExit.IfEfer, default),
        ExitReasons.SvmInvlpg => (PendingExit.Certain, ExitReason.Invlpg),
        ExitReasons.SvmVmrun => (PendingExit.Certain, ExitReason.Vmrun),
        ExitReasons.SvmInvlpga => (PendingExit.Certain, ExitReason.Invlpga),
        ExitReasons.SvmInvpcid => (PendingExit.Certain, ExitReason.Invpcid),
        _ => default,
    };
}
