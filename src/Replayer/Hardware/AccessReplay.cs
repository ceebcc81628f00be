using System.Runtime.CompilerServices;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>
/// Replays one access in full and holds the result against the capture. Where model and capture part, the machine follows the
/// capture: an access that was recorded did succeed, so its page is touched in the second dimension as the recorded machine did.
/// </summary>
internal sealed class AccessReplay(CpuSetup setup, Translator translator, AccessPath path, GuestTlb guestTlb)
{
    private readonly Journal _journal = setup.Journal;
    private readonly IHypervisor _hypervisor = setup.Hypervisor;
    private readonly VerifyTotals _verify = setup.Verify;

    /// <param name="access">As the capture has it.</param>
    /// <param name="seq">Place in history before the first record that this access may have left.</param>
    /// <param name="settled">The access completed where the source saw it: a repetition would find the same and change nothing.</param>
    /// <param name="gpa">Where it ended; where the source saw it end, if the model does not say.</param>
    public AccessOutcome Replay(in CpuAccess access, long seq, out bool settled, out ulong? gpa)
    {
        var context = _journal.Context;
        var missed = guestTlb.TakeMiss(access.Gva, (byte)access.Kind, (byte)access.Flags);
        var translation = default(Translation);
        if (!path.TryContinue(access, _journal.Rip, out var outcome))
            outcome = path.Perform(access, out translation);
        settled = false;
        gpa = access.Gpa;
        switch (outcome)
        {
            case AccessOutcome.Completed:
                if (missed)
                    CountWalk(access, translation);
                settled = Compare(access, translation);
                if (translator.IsTwoDimensional)
                    gpa = translation.Gpa;
                break;
            case AccessOutcome.Emulated:
                CheckEmulated(access);
                break;
            case AccessOutcome.NestedExit:
                break;
            case AccessOutcome.NoProgress:
                _journal.Note(ModelNote.NoProgress, access.Gva, access.Gpa ?? 0, 0);
                break;
            case AccessOutcome.Shutdown:
                _journal.Note(ModelNote.TripleFault, access.Gva, access.Gpa ?? 0, 0);
                break;
            case AccessOutcome.UnknownTable:
                _journal.Note(ModelNote.UnknownTableContent, access.Gva, access.Gpa ?? 0, translation.Gpa);
                Follow(access);
                break;
            default:
                _journal.Note(ModelNote.UnexpectedGuestFault, access.Gva, access.Gpa ?? 0, FaultCode(outcome, translation));
                Follow(access);
                break;
        }

        if (_journal.Seq != seq)
            Report(access, context);
        return outcome;
    }

    private void CountWalk(in CpuAccess access, in Translation translation)
    {
        guestTlb.CountWalk(_journal.Ordinal, translation);
        setup.Recorder?.Complete(new CompletedWalk(_journal.Ordinal, setup.Id, access.Gva, access.Kind, translation.Hpa), translation);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Compare(in CpuAccess access, in Translation translation)
    {
        var sawDevice = (access.Flags & AccessFlags.Mmio) != 0;
        if (sawDevice && !_hypervisor.IsApicAccessPage(access.Gpa ?? 0))
            _journal.Note(ModelNote.MmioDiffers, access.Gva, access.Gpa ?? 0, translation.Gpa);
        if (translator.IsTwoDimensional)
            CheckHostFrame(access, translation);
        if (access.Gpa is not { } recorded)
            return false;
        _verify.Checked++;
        var modelled = translation.Gpa;
        if (translator.IsTwoDimensional ? (recorded ^ modelled) >> 12 == 0 : EndsAt(recorded, translation.Hpa))
            return !sawDevice;
        if (!translator.IsTwoDimensional)
            modelled = translation.Hpa;
        _journal.Note(ModelNote.TranslationDiffers, access.Gva, recorded, modelled);
        _verify.Differ(new VerifyDifference(_journal.Ordinal, setup.Id, access.Gva, recorded, modelled));
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool EndsAt(ulong gpa, ulong hpa) =>
        _hypervisor.TryGetHostAddress(gpa, out var host) && (host ^ hpa) >> 12 == 0;

    /// <summary>What KVM's tables say must be what memslots and host say: the tables are ours, so anything else is our bug.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckHostFrame(in CpuAccess access, in Translation translation)
    {
        if (!EndsAt(translation.Gpa, translation.Hpa))
            Invariant.Broken($"gva {access.Gva:x} reaches gpa {translation.Gpa:x}, which KVM's tables map to hpa {translation.Hpa:x}: memslots and host do not");
    }

    /// <summary>KVM emulates writes to tables that it shadows, so only the memslots can tell. With two-dimensional paging reads are never emulated.</summary>
    private void CheckEmulated(in CpuAccess access)
    {
        if ((access.Flags & AccessFlags.Mmio) != 0 || access.Gpa is not { } recorded)
            return;
        var canBeProtected = !translator.IsTwoDimensional || access.Kind == AccessKind.Write;
        if (!canBeProtected || !_hypervisor.TryGetHostAddress(recorded, out _))
            _journal.Note(ModelNote.MmioDiffers, access.Gva, recorded, 0);
    }

    private void Follow(in CpuAccess access)
    {
        if (translator.IsTwoDimensional && (_hypervisor.IsNested ? access.L2Gpa : access.Gpa) is { } recorded)
            path.Touch(recorded, access);
    }

    private ulong FaultCode(AccessOutcome outcome, in Translation translation) => outcome switch
    {
        AccessOutcome.PageFault => (ulong)translation.ErrorCode,
        AccessOutcome.InjectedPageFault => _hypervisor.InjectedErrorCode,
        _ => 0,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Report(in CpuAccess access, GuestContext context) => _journal.Access(new AccessRecord
    {
        Gva = access.Gva,
        Gpa = access.Gpa ?? 0,
        HasGpa = access.Gpa is null ? (byte)0 : (byte)1,
        Rip = _journal.Rip,
        Value = access.Value ?? 0,
        HasValue = access.Value is null ? (byte)0 : (byte)1,
        Size = access.Size,
        Kind = access.Kind,
        Flags = access.Flags,
        Context = context,
    });
}
