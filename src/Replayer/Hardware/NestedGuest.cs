using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// The ways into a nested guest and out of it. An access that a hypervisor's tables did not allow is not in a capture: the exit stands for it, and
/// has to come about again.
/// </summary>
public sealed class NestedGuest
{
    private const ulong VmxRead = 1UL << 0;
    private const ulong VmxWrite = 1UL << 1;

    /// <summary>Of an exit qualification, what every CPU and KVM tell alike: the access, the rights, whose walk it was.</summary>
    private const ulong VmxTold = 0x1ff;

    private readonly bool _isVmx;
    private readonly NestedExitCodes _codes;
    private readonly Journal _journal;
    private readonly IHypervisor _hypervisor;
    private readonly AccessPath _path;
    private readonly CodePage _code;
    private readonly GuestTlb _tlb;

    internal NestedGuest(CpuSetup setup, AccessPath path, CodePage code, GuestTlb tlb)
    {
        _isVmx = setup.Profile.Vendor == CpuVendor.Intel;
        _codes = NestedExitCodes.Of(setup.Profile.Vendor);
        _journal = setup.Journal;
        _hypervisor = setup.Hypervisor;
        _path = path;
        _code = code;
        _tlb = tlb;
    }

    /// <summary>The guest runs one of its own.</summary>
    public bool IsRunning => _hypervisor.IsGuestMode;

    /// <inheritdoc cref="IHypervisor.CanRunNested"/>
    public bool CanRun(NestedEntry entry) => _hypervisor.CanRunNested(entry);

    /// <summary>VMRUN.</summary>
    /// <param name="vmcb">Guest-physical address of the VMCB.</param>
    /// <param name="entry">What stands in there.</param>
    public void Enter(ulong vmcb, NestedEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        _path.EnterGuest();
        _path.FetchInstructionOf(new CpuAccess { Gva = 0, Kind = AccessKind.Read });
        _tlb.Flush();
        _hypervisor.Vmrun(vmcb, entry);
        _code.Jump(entry.Rip);
        _path.EnterGuest();
    }

    /// <summary>The model left the nested guest where the capture did not: it goes back.</summary>
    public void Reenter()
    {
        _hypervisor.ReenterNested();
        _path.EnterGuest();
    }

    /// <summary>#VMEXIT to the guest's own hypervisor.</summary>
    /// <param name="code">Exit code.</param>
    /// <param name="exit">What it left in the VMCB.</param>
    /// <param name="access">The access that was not allowed, as far as it is known; null where nothing is.</param>
    /// <param name="rip">Where the hypervisor goes on.</param>
    public void Leave(ulong code, NestedExit exit, CpuAccess? access, ulong rip)
    {
        ArgumentNullException.ThrowIfNull(exit);
        // The instruction that exits is the nested guest's; the event has its hypervisor's.
        _journal.Rip = 0;
        _path.EnterGuest();
        if (_codes.IsTableFault(code))
            FaultInHypervisorsTables(code, exit, access);
        else if (_codes.IsPageFault(code, exit))
            FaultInOwnTables(exit);
        else if (!_codes.IsBetweenInstructions(code))
            _path.FetchInstructionOf(new CpuAccess { Gva = 0, Kind = AccessKind.Read });

        if (_hypervisor.IsGuestMode)
            _path.Exit(new VmExit { Reason = ExitReason.NestedExit, Info1 = code, Info2 = exit.Info1, Gva = exit.Info2 });
        _journal.Rip = rip;
        _tlb.Flush();
        _code.Jump(rip);
    }

    /// <summary>L1's tables do not map the address, or not for that: KVM, whose shadow of them cannot either, finds that out and tells L1.</summary>
    private void FaultInHypervisorsTables(ulong code, NestedExit exit, CpuAccess? access)
    {
        var (kind, isFinal) = Told(exit);
        var outcome = access is { } known ? _path.Perform(isFinal ? known with { Kind = kind } : known, out _) : AccessOutcome.UnknownTable;
        // A capture has a table of L2's from the first walk on that came to its end: this one did not.
        if (outcome == AccessOutcome.UnknownTable)
            outcome = _path.Touch(exit.Info2, new CpuAccess { Gva = 0, Kind = kind }, isFinal ? GpaPurpose.Final : GpaPurpose.TableRead);
        if (outcome != AccessOutcome.NestedExit)
        {
            _journal.Note(ModelNote.MissingGuestFault, exit.Info2, exit.Info1, 0);
            return;
        }

        var modelled = _hypervisor.LastNestedExit;
        // A walk that sets bits reads as well; not every CPU says so.
        var told = code == NestedExitCodes.VmxMisconfiguration ? 0 : !_isVmx ? ulong.MaxValue : isFinal ? VmxTold : VmxTold & ~VmxRead;
        if (modelled.Code != code || ((modelled.Info1 ^ exit.Info1) & told) != 0 || modelled.Info2 >> 12 != exit.Info2 >> 12)
            _journal.Note(ModelNote.GuestFaultCodeDiffers, exit.Info2, exit.Info1, modelled.Info1);
    }

    /// <summary>The access that a fault in L1's tables tells of, and whether it was the nested guest's own or the CPU's to its tables.</summary>
    private (AccessKind Kind, bool IsFinal) Told(NestedExit exit)
    {
        if (!_isVmx)
            return (GuestAccess.FromFaultCode(0, (PageFaultCode)(uint)exit.Info1, AccessFlags.None).Kind, (exit.Info1 & NptWalker.GuestFinal) != 0);
        var kind = (exit.Info1 & EptWalker.Fetch) != 0 ? AccessKind.Fetch : (exit.Info1 & VmxWrite) != 0 ? AccessKind.Write : AccessKind.Read;
        return (kind, (exit.Info1 & EptWalker.OnFinalTranslation) != 0);
    }

    /// <summary>L2's tables do not allow the access, and L1 wants to know: the CPU exits, or KVM finds it out.</summary>
    private void FaultInOwnTables(NestedExit exit)
    {
        var guest = GuestAccess.FromFaultCode(exit.Info2, (PageFaultCode)(uint)exit.Info1, AccessFlags.None);
        var outcome = _path.Perform(new CpuAccess { Gva = guest.Gva, Kind = guest.Kind, Flags = guest.Flags, Size = 1 }, out var translation);
        ulong modelled;
        switch (outcome)
        {
            case AccessOutcome.PageFault:
                modelled = (ulong)translation.ErrorCode;
                break;
            case AccessOutcome.NestedExit when _hypervisor.LastNestedExit.Code == _codes.PageFault:
                modelled = _hypervisor.LastNestedExit.Info1;
                break;
            default:
                _journal.Note(ModelNote.MissingGuestFault, exit.Info2, exit.Info1, 0);
                return;
        }

        if (FaultReplay.Normalise((PageFaultCode)modelled) != FaultReplay.Normalise((PageFaultCode)(uint)exit.Info1))
            _journal.Note(ModelNote.GuestFaultCodeDiffers, exit.Info2, exit.Info1, modelled);
    }
}
