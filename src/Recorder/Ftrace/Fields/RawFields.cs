using System.Buffers;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Reads events whose fields stand there by name, one by one: <c>trace-cmd report -R</c>, <c>[FAILED TO PARSE]</c> of a trace-cmd that
/// does not understand an event's format, and <c>perf trace</c>.
/// </summary>
/// <remarks>
/// A newer <c>trace-cmd report -R</c> writes numbers as the kernel's own line would, hexadecimal ones without a sign of that:
/// <c>gfn=a03 old_spte=8000000000000000 level=1</c>. Letters among the digits tell.
/// <c>exit_reason=0x30 guest_rip=0xffff... isa=1</c>, <c>exit_reason: 48, guest_rip: 18446744071578845350, isa: 1</c>.
/// </remarks>
internal static class RawFields
{
    private static readonly SearchValues<byte> Digits = SearchValues.Create("0123456789abcdef"u8);
    private static readonly SearchValues<byte> Letters = SearchValues.Create("abcdef"u8);

    /// <param name="line">The event.</param>
    /// <param name="isHex">Numbers of entries and frames are hexadecimal without a sign of that.</param>
    /// <param name="omitsZeros">Fields that are not there are 0: so <c>perf trace</c> writes them.</param>
    /// <param name="sink">Takes it.</param>
    public static bool TryParse(in TraceLine line, bool isHex, bool omitsZeros, TracepointSink sink)
    {
        var text = line.Text;
        if (text.StartsWith("[FAILED TO PARSE]"u8))
        {
            text = text[17..];
            isHex = false;
        }

        if (omitsZeros && !NamedFields.AreAll(text))
            return false;
        var fields = new NamedFields(text, isHex, omitsZeros);
        return TryVcpu(line, fields, sink) || TrySpte(line, fields, sink) || TryMmio(line, fields, sink) || TryPage(line, fields, sink) || TryGuest(line, fields, sink);
    }

    /// <summary>The text has numbers of entries or frames in hexadecimal digits alone.</summary>
    public static bool ShowsHex(ReadOnlySpan<byte> text)
    {
        for (var from = 0; text[from..].IndexOf("fn="u8) is >= 0 and var frame; from += frame + 3)
        {
            if (IsHexAlone(text[(from + frame + 3)..]))
                return true;
        }

        for (var from = 0; text[from..].IndexOf("spte="u8) is >= 0 and var entry; from += entry + 5)
        {
            if (IsHexAlone(text[(from + entry + 5)..]))
                return true;
        }

        return false;
    }

    private static bool IsHexAlone(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAnyExcept(Digits);
        return end > 0 && text[end] is (byte)' ' or (byte)'\n' or (byte)'\r' && text[..end].IndexOfAny(Letters) >= 0;
    }

    /// <summary>What a vCPU enters with, exits for, faults on and writes.</summary>
    private static bool TryVcpu(in TraceLine line, in NamedFields fields, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.Entry when fields.Has("vcpu_id"u8, out a):
                sink.OnEntry(line, new EntryFields((int)a, fields.Shown("rip"u8)));
                return true;
            case TracepointKind.Exit when fields.Has("exit_reason"u8, out a):
                sink.OnExit(line, Exit(fields, a));
                return true;
            case TracepointKind.PageFault when fields.Has("fault_address"u8, out a) && fields.Has("error_code"u8, out b):
                sink.OnPageFault(line, new PageFaultFields((int?)fields.Shown("vcpu_id"u8), fields.Shown("guest_rip"u8), a, b));
                return true;
            case TracepointKind.InjectedException when fields.Has("exception"u8, out a):
                sink.OnInjectedException(line, new InjectedExceptionFields(
                    a == 14, fields.Flag("has_error"u8) && fields.Has("error_code"u8, out b) ? (uint)b : null, fields.Flag("reinjected"u8)));
                return true;
            case TracepointKind.ControlRegister when fields.Has("cr"u8, out a) && a <= 15 && fields.Has("val"u8, out b):
                sink.OnControlRegister(line, new ControlRegisterFields(fields.Flag("rw"u8), (int)a, b));
                return true;
            case TracepointKind.Msr when fields.HasHex("ecx"u8, out a) && fields.HasHex("data"u8, out b):
                sink.OnMsr(line, new MsrFields(fields.Flag("write"u8), (uint)a, b, fields.Flag("exception"u8)));
                return true;
            default:
                return false;
        }
    }

    private static ExitFields Exit(in NamedFields fields, ulong reason)
    {
        var isa = fields.Shown("isa"u8) switch { 1 => ExitIsa.Vmx, 2 => ExitIsa.Svm, _ => ExitIsa.Unknown };
        return new ExitFields(
            (int?)fields.Shown("vcpu_id"u8),
            ExitReasons.NameOf(new ExitNumber(isa, (uint)reason & (isa == ExitIsa.Vmx ? 0xffff : uint.MaxValue))),
            fields.Shown("guest_rip"u8),
            fields.Maybe("info1"u8),
            fields.Maybe("info2"u8),
            (uint?)fields.Shown("intr_info"u8),
            (uint?)fields.Shown("error_code"u8));
    }

    /// <summary>Entries of tables.</summary>
    private static bool TrySpte(in TraceLine line, in NamedFields fields, TracepointSink sink)
    {
        ulong a, b, c, d;
        switch (line.Name.Kind)
        {
            case TracepointKind.SetSpte when fields.HasHex("gfn"u8, out a) && fields.HasHex("spte"u8, out b) && fields.Has("level"u8, out c) && c is >= 1 and <= 5 && fields.HasHex("sptep"u8, out d):
                sink.OnSetSpte(line, new SetSpteFields(a, b, (int)c, d));
                return true;
            case TracepointKind.SpteChanged when fields.HasHex("gfn"u8, out a) && fields.Has("level"u8, out b) && b is >= 1 and <= 5 && fields.HasHex("old_spte"u8, out c) && fields.HasHex("new_spte"u8, out d):
                sink.OnSpteChanged(line, new SpteChangedFields((int)(fields.Maybe("as_id"u8) ?? 0), a, (int)b, c, d));
                return true;
            case TracepointKind.SpteRequested when fields.HasHex("gfn"u8, out a) && fields.HasHex("pfn"u8, out b) && fields.Has("level"u8, out c) && c is >= 1 and <= 5:
                sink.OnSpteRequested(line, new SpteRequestedFields(a, b, (int)c));
                return true;
            case TracepointKind.FastPageFault when fields.HasAddress(out a) && fields.HasHex("old_spte"u8, out b) && fields.HasHex("new_spte"u8, out c):
                // ret has the numbers of its kernel's RET_PF_*; the values say the same.
                sink.OnFastPageFault(line, new FastPageFaultFields(
                    (int)(fields.Maybe("vcpu_id"u8) ?? 0), a, fields.Maybe("error_code"u8) ?? 0, Pointer(fields.MaybeHex("sptep"u8)), b, c, b == c, b != c));
                return true;
            case TracepointKind.SplitHugePage when fields.HasHex("gfn"u8, out a) && fields.HasHex("spte"u8, out b) && fields.Has("level"u8, out c) && c is >= 1 and <= 5:
                sink.OnSplitHugePage(line, new SplitHugePageFields(a, b, (int)c, (int)(fields.Maybe("errno"u8) ?? 0)));
                return true;
            default:
                return false;
        }
    }

    private static bool TryMmio(in TraceLine line, in NamedFields fields, TracepointSink sink)
    {
        ulong a, b, c;
        switch (line.Name.Kind)
        {
            case TracepointKind.MarkMmioSpte when fields.HasHex("gfn"u8, out a) && fields.HasHex("access"u8, out b):
                sink.OnMarkMmioSpte(line, new MarkMmioSpteFields(Pointer(fields.MaybeHex("sptep"u8)), a, (uint)b, (uint?)fields.MaybeHex("gen"u8)));
                return true;
            case TracepointKind.HandleMmioPageFault when fields.HasHex("addr"u8, out a) && fields.HasHex("gfn"u8, out b) && fields.HasHex("access"u8, out var access):
                sink.OnHandleMmioPageFault(line, new HandleMmioPageFaultFields(a, b, (uint)access));
                return true;
            case TracepointKind.CheckMmioSpte when fields.HasHex("spte"u8, out a) && fields.HasHex("kvm_gen"u8, out b) && fields.HasHex("spte_gen"u8, out c):
                sink.OnCheckMmioSpte(line, new CheckMmioSpteFields(a, (uint)b, (uint)c));
                return true;
            case TracepointKind.FastMmio when fields.HasHex("gpa"u8, out a):
                sink.OnMmio(line, new MmioFields(true, 0, a, 0));
                return true;
            // KVM_TRACE_MMIO_WRITE
            case TracepointKind.Mmio when fields.Has("type"u8, out a) && fields.Has("len"u8, out b) && fields.HasHex("gpa"u8, out c) && fields.HasHex("val"u8, out var value):
                sink.OnMmio(line, new MmioFields(a == 2, (int)b, c, value));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Table pages, and what the host's memory management asks for.</summary>
    private static bool TryPage(in TraceLine line, in NamedFields fields, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.GetPage or TracepointKind.SyncPage or TracepointKind.UnsyncPage or TracepointKind.ZapPage
                when fields.Has("gfn"u8, out a) && fields.Has("role"u8, out b):
                sink.OnPage(line, new PageFields(
                    (int)(fields.Maybe("mmu_valid_gen"u8) ?? 0), a, (uint)b, uint.MaxValue, (uint)(fields.Maybe("root_count"u8) ?? 0), fields.Flag("unsync"u8), fields.Flag("created"u8)));
                return true;
            case TracepointKind.NotifierRange when fields.Shown("hva"u8) is { } address:
                sink.OnNotifierRange(line, new NotifierRangeFields(address, address));
                return true;
            case TracepointKind.NotifierRange when fields.Has("start"u8, out a) && fields.Has("end"u8, out b):
                sink.OnNotifierRange(line, new NotifierRangeFields(a, b));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Walks of the guest's own tables.</summary>
    private static bool TryGuest(in TraceLine line, in NamedFields fields, TracepointSink sink)
    {
        switch (line.Name.Kind)
        {
            case TracepointKind.GuestWalk when fields.HasHex("addr"u8, out var address) && fields.HasHex("pferr"u8, out var error):
                sink.OnGuestWalk(line, new GuestWalkFields(address, (uint)error));
                return true;
            case TracepointKind.WalkerError when fields.HasHex("pferr"u8, out var pferr):
                sink.OnGuestWalk(line, new GuestWalkFields(0, (uint)pferr));
                return true;
            default:
                return false;
        }
    }

    private static ulong? Pointer(ulong? value) => value >= 1UL << 63 ? value : null;
}
