using System.Runtime.CompilerServices;
using Replay.Replayer.Guest;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>Takes one access through translation and exits until it completes or cannot.</summary>
/// <param name="own">How the CPU translates.</param>
/// <param name="nested">How it does for a nested guest under its hypervisor's page tables; null where that cannot be.</param>
/// <param name="hypervisor">KVM.</param>
/// <param name="code">Where execution is.</param>
internal sealed class AccessPath(Translator own, Translator? nested, IHypervisor hypervisor, CodePage code)
{
    private readonly Translator _own = own;
    private Translator _translator = own;

    /// <summary>
    /// More than any access needs: an exit for each reference of the longest two-dimensional walk, each handled twice.
    /// </summary>
    public const int RetryLimit = 80;

    /// <summary>KVM enters the guest; the CPU takes over what KVM gives it.</summary>
    public void EnterGuest()
    {
        var emulated = hypervisor.EmulatedString;
        hypervisor.EnterGuest();
        _translator = hypervisor.IsNested ? nested! : _own;
        _translator.OnEnter(hypervisor.Root, hypervisor.Pml);
        // The CPU finds out that nothing is left for the instruction to do.
        if (emulated != 0)
            Resume(emulated);
    }

    /// <summary>KVM's emulator is in the midst of a string instruction.</summary>
    public bool IsInString => hypervisor.EmulatedString != 0;

    /// <summary>KVM enters the guest, unless its emulator is in the midst of the string instruction that makes the access.</summary>
    public void EnterGuestFor(in CpuAccess access, ulong rip)
    {
        if (!Continues(access, rip))
            EnterGuest();
    }

    /// <summary>The emulator is in the midst of the instruction that does this, whatever it does: the CPU takes no part.</summary>
    public bool Continues(AccessKind kind, ulong gva, ulong rip) =>
        hypervisor.EmulatedString is var emulated and not 0 && (rip == emulated || (kind == AccessKind.Fetch && gva == emulated)) && kind != AccessKind.Write;

    private bool Continues(in CpuAccess access, ulong rip) =>
        access.Instruction == StoreInstruction.Repeated && rip != 0 && hypervisor.EmulatedString == rip;

    /// <summary>The next store of a string instruction that KVM emulates.</summary>
    /// <returns>False: it is none.</returns>
    public bool TryContinue(in CpuAccess access, ulong rip, out AccessOutcome outcome)
    {
        outcome = AccessOutcome.Emulated;
        if (!Continues(access, rip))
            return false;
        if (hypervisor.EmulateNext(ExitOf(access, default), access.Gpa) == ExitResult.GuestFault)
            outcome = AccessOutcome.InjectedPageFault;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AccessOutcome Perform(in CpuAccess access, out Translation translation)
    {
        var guest = access.Guest;
        for (var attempt = 0; attempt < RetryLimit; attempt++)
        {
            if (!FetchInstructionOf(access))
            {
                translation = default;
                return AccessOutcome.NestedExit;
            }

            var status = _translator.Translate(guest, out translation);
            if (!TryEnd(status, access, translation, out var outcome))
                continue;
            if (guest.IsFetch)
                code.Fetched();
            return outcome;
        }

        translation = default;
        return AccessOutcome.NoProgress;
    }

    /// <summary>The instruction that an access belongs to has to be there before it accesses anything.</summary>
    /// <returns>False: it is not, and the nested guest's hypervisor was told.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool FetchInstructionOf(in CpuAccess access) => !code.MustFetch(access.Guest, out var fetch) || Fetch(fetch);

    /// <summary>Goes on at an instruction: fetches it if a translation changed since the last fetch.</summary>
    public void Resume(ulong gva)
    {
        if (code.Resume(gva, out var fetch))
            Fetch(fetch);
    }

    /// <returns>False: the nested guest's hypervisor got a fault instead.</returns>
    private bool Fetch(in GuestAccess fetch)
    {
        var outcome = AccessOutcome.NoProgress;
        var instruction = new CpuAccess { Gva = fetch.Gva, Kind = AccessKind.Fetch, Flags = fetch.Flags, Size = 1 };
        for (var attempt = 0; attempt < RetryLimit; attempt++)
        {
            var status = _translator.Translate(fetch, out var translation);
            if (TryEnd(status, instruction, translation, out outcome))
                break;
        }

        code.Fetched();
        return outcome != AccessOutcome.NestedExit;
    }

    /// <summary>The guest flushes one page, and KVM does not see it.</summary>
    public void ForgetPage(ulong gva) => _translator.ForgetPage(gva);

    /// <summary>Takes an access through the second dimension alone.</summary>
    public AccessOutcome Touch(ulong gpa, in CpuAccess access, GpaPurpose purpose = GpaPurpose.Final)
    {
        for (var attempt = 0; attempt < RetryLimit; attempt++)
        {
            var status = _translator.Touch(gpa, access.Kind, purpose, out var translation);
            if (TryEnd(status, access, translation, out var outcome, isPhysical: true))
                return outcome;
        }

        return AccessOutcome.NoProgress;
    }

    /// <summary>Loads the PDPTE registers, where the CPU does that of its own.</summary>
    public AccessOutcome LoadPdptes(out Translation translation)
    {
        var access = new CpuAccess { Gva = 0, Kind = AccessKind.Read };
        for (var attempt = 0; attempt < RetryLimit; attempt++)
        {
            var status = _translator.LoadPdptes(out translation);
            if (TryEnd(status, access, translation, out var outcome))
                return outcome;
        }

        translation = default;
        return AccessOutcome.NoProgress;
    }

    /// <summary>An exit, its handling, and the way back into the guest.</summary>
    public ExitResult Exit(in VmExit exit)
    {
        var result = hypervisor.HandleExit(exit);
        // A string instruction is emulated to its end first.
        if (hypervisor.EmulatedString == 0)
            EnterGuest();
        return result;
    }

    /// <summary>False: the CPU tries again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryEnd(TranslationStatus status, in CpuAccess access, in Translation translation, out AccessOutcome outcome, bool isPhysical = false)
    {
        outcome = status switch
        {
            TranslationStatus.Mapped => AccessOutcome.Completed,
            TranslationStatus.PageFault => AccessOutcome.PageFault,
            TranslationStatus.GeneralProtection => AccessOutcome.GeneralProtection,
            TranslationStatus.UnknownTable => AccessOutcome.UnknownTable,
            TranslationStatus.Shutdown => AccessOutcome.Shutdown,
            _ => AccessOutcome.NoProgress,
        };
        if (status != TranslationStatus.Exit)
            return true;
        var result = Exit(ExitOf(access, translation) with { IsPhysical = isPhysical });
        outcome = result switch
        {
            ExitResult.Emulated => AccessOutcome.Emulated,
            ExitResult.GuestFault => AccessOutcome.InjectedPageFault,
            ExitResult.Shutdown => AccessOutcome.Shutdown,
            ExitResult.NestedExit => AccessOutcome.NestedExit,
            _ => AccessOutcome.NoProgress,
        };
        return result != ExitResult.Retry;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static VmExit ExitOf(in CpuAccess access, in Translation translation) => new()
    {
        Reason = translation.ExitReason,
        Info1 = translation.ExitInfo1,
        Info2 = translation.ExitInfo2,
        Gva = access.Gva,
        Access = access.Kind,
        Flags = access.Flags,
        Size = access.Size,
        Value = access.Value,
        Instruction = access.Instruction,
    };
}
