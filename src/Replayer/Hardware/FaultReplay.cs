using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>Replays a #PF that the capture saw reach the guest: the access that the error code tells of must fault again, and alike.</summary>
internal sealed class FaultReplay(CpuSetup setup, AccessPath path)
{
    private readonly Journal _journal = setup.Journal;

    public void Replay(ulong gva, PageFaultCode recorded, AccessFlags flags)
    {
        _journal.ReplaysGuestFault = true;
        var guest = GuestAccess.FromFaultCode(gva, recorded, flags);
        // Without NX and SMEP an error code tells of no fetch: the instruction's own address does.
        if (guest.Kind == AccessKind.Read && gva != 0 && gva == _journal.Rip && !TellsFetches)
            guest = guest with { Kind = AccessKind.Fetch };
        var access = new CpuAccess { Gva = gva, Kind = guest.Kind, Flags = guest.Flags, Size = 1 };
        var outcome = path.Perform(access, out var translation);
        switch (outcome)
        {
            case AccessOutcome.PageFault:
                Deliver(gva, translation.ErrorCode);
                Compare(gva, recorded, translation.ErrorCode);
                break;
            case AccessOutcome.InjectedPageFault:
                Compare(gva, recorded, (PageFaultCode)setup.Hypervisor.InjectedErrorCode);
                break;
            case AccessOutcome.NestedExit:
                break;
            case AccessOutcome.UnknownTable:
                _journal.Note(ModelNote.UnknownTableContent, gva, (ulong)recorded, translation.Gpa);
                Deliver(gva, recorded);
                break;
            case AccessOutcome.NoProgress:
                _journal.Note(ModelNote.NoProgress, gva, (ulong)recorded, 0);
                break;
            case AccessOutcome.Shutdown:
                _journal.Note(ModelNote.TripleFault, gva, (ulong)recorded, 0);
                break;
            default:
                _journal.Note(ModelNote.MissingGuestFault, gva, (ulong)recorded, 0);
                break;
        }

        _journal.ReplaysGuestFault = false;
    }

    private bool TellsFetches => setup.Registers.Smep || (setup.Registers.Nx && setup.Registers.Mode != PagingMode.Bits32);

    private void Deliver(ulong gva, PageFaultCode code)
    {
        setup.Registers.Cr2 = gva;
        _journal.GuestFault(gva, (uint)code);
    }

    private void Compare(ulong gva, PageFaultCode recorded, PageFaultCode modelled)
    {
        if (Normalise(recorded) != Normalise(modelled))
            _journal.Note(ModelNote.GuestFaultCodeDiffers, gva, (ulong)recorded, (ulong)modelled);
    }

    /// <summary>A capture from an emulator that leaves P out of reserved-bit faults tells of the same fault.</summary>
    internal static PageFaultCode Normalise(PageFaultCode code) =>
        (code & PageFaultCode.Reserved) != 0 ? code | PageFaultCode.Present : code;
}
