using System.Buffers.Text;
using System.Text;
using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>
/// Follows which guest a thread runs: the VM itself (L1), or a guest of it (L2). Where the trace has no events of nested guests nothing tells, and
/// nothing is said.
/// </summary>
/// <param name="scribe">Where ways into L2 and out of it are written down.</param>
/// <param name="exits">Knows the exit being handled.</param>
/// <param name="showsExits">kvm_nested_vmexit is in the trace: an exit without it is L1's.</param>
internal sealed class NestedFollower(Scribe scribe, ExitFollower exits, bool showsExits)
{
    /// <summary>kvm_exit: of L1, unless kvm_nested_vmexit follows.</summary>
    public void Exit(ObservedThread thread)
    {
        if (showsExits)
            thread.Running = GuestContext.L1;
    }

    /// <returns>False: the event is none of nested guests.</returns>
    public bool TryTake(ObservedThread thread, ReadOnlySpan<char> name, ReadOnlySpan<byte> text)
    {
        switch (name)
        {
            // Linux before 6.0: kvm_nested_vmrun, of SVM alone.
            case "kvm_nested_vmenter" or "kvm_nested_vmrun":
                Enter(thread, text);
                return true;
            case "kvm_nested_vmexit":
                Left(thread);
                return true;
            case "kvm_nested_vmexit_inject":
                Inject(thread, text);
                return true;
            case "kvm_nested_intr_vmexit":
                thread.Running = GuestContext.L1;
                return true;
            default:
                return name is "kvm_nested_intercepts";
        }
    }

    /// <summary>The exit was L2's.</summary>
    private static void Left(ObservedThread thread)
    {
        thread.Running = thread.Nested is GuestContext.Unknown ? GuestContext.SomeL2 : thread.Nested;
        thread.Exit = thread.Exit with { Context = thread.Running };
    }

    private void Enter(ObservedThread thread, ReadOnlySpan<byte> text)
    {
        var vmcb = Word(text, "vmcb: "u8) ?? Word(text, "vmcs: "u8);
        if (vmcb is { } address)
            ExitFollower.Address(thread, address);
        exits.TellExit(thread);
        thread.Nested = UsesNestedTables(text) switch
        {
            true => GuestContext.NestedL2,
            false => GuestContext.L2,
            _ => GuestContext.SomeL2,
        };
        thread.Running = thread.Nested;
        thread.Vmcb = vmcb ?? Unseen.Word;
        Tell(thread, new GuestStateRecord
        {
            Cause = GuestStateCause.Vmrun,
            Cr3 = Word(text, "guest_cr3: "u8) ?? Unseen.Word,
            NestedRoot = Word(text, "nested_cr3: "u8) ?? Word(text, "nested_eptp: "u8) ?? Unseen.Word,
        });
    }

    private void Inject(ObservedThread thread, ReadOnlySpan<byte> text)
    {
        var info1 = Word(text, "ext_inf1: "u8) ?? Unseen.Word;
        var hasCode = TryReason(text, out var code);
        if (hasCode)
            exits.HandToHypervisor(thread, code.Number, info1);
        if (IsPageFault(code))
            ExitFollower.Outcome(thread, RetPf.GuestFault);
        thread.Running = GuestContext.L1;
        Tell(thread, new GuestStateRecord
        {
            Cause = GuestStateCause.Vmexit,
            Cr3 = Unseen.Word,
            NestedRoot = Unseen.Word,
            Code = hasCode ? code.Number : Unseen.Word,
            IsVmx = code.Isa == ExitIsa.Vmx,
            Info1 = info1,
            Info2 = Word(text, "ext_inf2: "u8) ?? Unseen.Word,
        });
    }

    private void Tell(ObservedThread thread, in GuestStateRecord record) => scribe.GuestState(record with
    {
        Seq = scribe.Seq,
        Ordinal = scribe.Ordinal,
        Cr0 = Unseen.Word,
        Cr4 = Unseen.Word,
        Efer = Unseen.Word,
        Vmcb = thread.Vmcb,
        Asid = uint.MaxValue,
        TlbControl = Unseen.Byte,
        NestedLevels = Unseen.Byte,
        Context = thread.Running,
        ExitId = thread.Exit.ExitId,
        Vcpu = thread.Vcpu,
    });

    /// <summary><c>nested_npt=y</c>, <c>nested_ept=n</c>, and before Linux 6.0 <c>npt: on</c>. Null: not said.</summary>
    private static bool? UsesNestedTables(ReadOnlySpan<byte> text)
    {
        foreach (var name in (ReadOnlySpan<string>)["npt=", "ept=", "npt: ", "ept: "])
        {
            var at = text.IndexOf(Encoding.ASCII.GetBytes(name));
            if (at < 0)
                continue;
            var answer = text[(at + name.Length)..];
            return answer.StartsWith("y"u8) || answer.StartsWith("on"u8);
        }

        return null;
    }

    private static ulong? Word(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        var at = text.IndexOf(name);
        if (at < 0)
            return null;
        var digits = text[(at + name.Length)..];
        if (digits.StartsWith("0x"u8))
            digits = digits[2..];
        return Utf8Parser.TryParse(digits, out ulong value, out _, 'x') ? value : null;
    }

    private static bool IsPageFault(ExitNumber code) => code.Isa == ExitIsa.Vmx
        ? code.Number is ExitReasons.VmxEptViolation or ExitReasons.VmxEptMisconfig
        : code.Number is ExitReasons.SvmNpf or ExitReasons.SvmPageFault;

    private static bool TryReason(ReadOnlySpan<byte> text, out ExitNumber code)
    {
        code = default;
        var start = text.IndexOf("reason: "u8);
        var end = text.IndexOf(" ext_inf1"u8);
        return start >= 0 && end >= start + 8 && ExitReasons.TryFind(Encoding.Latin1.GetString(text[(start + 8)..end]), out code);
    }
}
