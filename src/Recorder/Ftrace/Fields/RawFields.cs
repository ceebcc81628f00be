using System.Buffers;
using System.Buffers.Text;
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
    /// <param name="sink">Takes it.</param>
    public static bool TryParse(in TraceLine line, bool isHex, TracepointSink sink)
    {
        var text = line.Text;
        if (text.StartsWith("[FAILED TO PARSE]"u8))
        {
            text = text[17..];
            isHex = false;
        }

        return TryVcpu(line, text, isHex, sink) || TrySpte(line, text, isHex, sink) || TryMmio(line, text, isHex, sink) || TryPage(line, text, sink);
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
    private static bool TryVcpu(in TraceLine line, ReadOnlySpan<byte> text, bool isHex, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.Entry when Has(text, "vcpu_id"u8, out a):
                sink.OnEntry(line, new EntryFields((int)a, Maybe(text, "rip"u8)));
                return true;
            case TracepointKind.Exit when Has(text, "exit_reason"u8, out a):
                sink.OnExit(line, Exit(text, a));
                return true;
            case TracepointKind.PageFault when Has(text, "fault_address"u8, out a) && Has(text, "error_code"u8, out b):
                sink.OnPageFault(line, new PageFaultFields((int?)Maybe(text, "vcpu_id"u8), Maybe(text, "guest_rip"u8), a, b));
                return true;
            case TracepointKind.ControlRegister when Has(text, "cr"u8, out a) && a <= 15 && Has(text, "val"u8, out b):
                sink.OnControlRegister(line, new ControlRegisterFields(Maybe(text, "rw"u8) is > 0, (int)a, b));
                return true;
            case TracepointKind.Msr when Has(text, "ecx"u8, out a, isHex) && Has(text, "data"u8, out b):
                sink.OnMsr(line, new MsrFields(Maybe(text, "write"u8) is > 0, (uint)a, b, Maybe(text, "exception"u8) is > 0));
                return true;
            default:
                return false;
        }
    }

    private static ExitFields Exit(ReadOnlySpan<byte> text, ulong reason)
    {
        var isa = Maybe(text, "isa"u8) switch { 1 => ExitIsa.Vmx, 2 => ExitIsa.Svm, _ => ExitIsa.Unknown };
        return new ExitFields(
            (int?)Maybe(text, "vcpu_id"u8),
            ExitReasons.NameOf(new ExitNumber(isa, (uint)reason & (isa == ExitIsa.Vmx ? 0xffff : uint.MaxValue))),
            Maybe(text, "guest_rip"u8),
            Maybe(text, "info1"u8),
            Maybe(text, "info2"u8),
            (uint?)Maybe(text, "intr_info"u8),
            (uint?)Maybe(text, "error_code"u8));
    }

    /// <summary>Entries of tables.</summary>
    private static bool TrySpte(in TraceLine line, ReadOnlySpan<byte> text, bool isHex, TracepointSink sink)
    {
        ulong a, b, c, d;
        switch (line.Name.Kind)
        {
            case TracepointKind.SetSpte when Has(text, "gfn"u8, out a, isHex) && Has(text, "spte"u8, out b, isHex) && Has(text, "level"u8, out c) && c is >= 1 and <= 5 && Has(text, "sptep"u8, out d, isHex):
                sink.OnSetSpte(line, new SetSpteFields(a, b, (int)c, d));
                return true;
            case TracepointKind.SpteChanged when Has(text, "gfn"u8, out a, isHex) && Has(text, "level"u8, out b) && b is >= 1 and <= 5 && Has(text, "old_spte"u8, out c, isHex) && Has(text, "new_spte"u8, out d, isHex):
                sink.OnSpteChanged(line, new SpteChangedFields((int)(Maybe(text, "as_id"u8) ?? 0), a, (int)b, c, d));
                return true;
            case TracepointKind.SpteRequested when Has(text, "gfn"u8, out a, isHex) && Has(text, "pfn"u8, out b, isHex) && Has(text, "level"u8, out c) && c is >= 1 and <= 5:
                sink.OnSpteRequested(line, new SpteRequestedFields(a, b, (int)c));
                return true;
            case TracepointKind.FastPageFault when Has(text, "cr2_or_gpa"u8, out a, isHex) && Has(text, "old_spte"u8, out b, isHex) && Has(text, "new_spte"u8, out c, isHex):
                // ret has the numbers of its kernel's RET_PF_*; the values say the same.
                sink.OnFastPageFault(line, new FastPageFaultFields(
                    (int)(Maybe(text, "vcpu_id"u8) ?? 0), a, Maybe(text, "error_code"u8) ?? 0, Pointer(Maybe(text, "sptep"u8, isHex)), b, c, b == c, b != c));
                return true;
            default:
                return false;
        }
    }

    private static bool TryMmio(in TraceLine line, ReadOnlySpan<byte> text, bool isHex, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.MarkMmioSpte when Has(text, "gfn"u8, out a, isHex) && Has(text, "access"u8, out b, isHex):
                sink.OnMarkMmioSpte(line, new MarkMmioSpteFields(Pointer(Maybe(text, "sptep"u8, isHex)), a, (uint)b, (uint?)Maybe(text, "gen"u8, isHex)));
                return true;
            case TracepointKind.HandleMmioPageFault when Has(text, "addr"u8, out a, isHex) && Has(text, "gfn"u8, out b, isHex) && Has(text, "access"u8, out var access, isHex):
                sink.OnHandleMmioPageFault(line, new HandleMmioPageFaultFields(a, b, (uint)access));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Table pages, and what the host's memory management asks for.</summary>
    private static bool TryPage(in TraceLine line, ReadOnlySpan<byte> text, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.GetPage or TracepointKind.SyncPage or TracepointKind.UnsyncPage or TracepointKind.ZapPage
                when Has(text, "gfn"u8, out a) && Has(text, "role"u8, out b):
                sink.OnPage(line, new PageFields(
                    (int)(Maybe(text, "mmu_valid_gen"u8) ?? 0), a, (uint)b, uint.MaxValue, (uint)(Maybe(text, "root_count"u8) ?? 0), Maybe(text, "unsync"u8) is > 0, Maybe(text, "created"u8) is > 0));
                return true;
            case TracepointKind.NotifierRange when Has(text, "start"u8, out a) && Has(text, "end"u8, out b):
                sink.OnNotifierRange(line, new NotifierRangeFields(a, b));
                return true;
            case TracepointKind.NotifierRange when Has(text, "hva"u8, out a):
                sink.OnNotifierRange(line, new NotifierRangeFields(a, a));
                return true;
            default:
                return false;
        }
    }

    private static ulong? Pointer(ulong? value) => value >= 1UL << 63 ? value : null;

    private static ulong? Maybe(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name, bool isHex = false) => Has(text, name, out var value, isHex) ? value : null;

    private static bool Has(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name, out ulong value, bool isHex = false)
    {
        value = 0;
        for (var from = 0; from + name.Length + 1 < text.Length;)
        {
            var at = text[from..].IndexOf(name);
            if (at < 0)
                return false;
            at += from;
            var end = at + name.Length;
            if ((at == 0 || text[at - 1] is (byte)' ' or (byte)',') && end < text.Length && text[end] is (byte)'=' or (byte)':')
                return TryNumber(text[(end + 1)..].TrimStart((byte)' '), isHex, out value);
            from = at + 1;
        }

        return false;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, bool isHex, out ulong value)
    {
        if (text.StartsWith("0x"u8))
            return Utf8Parser.TryParse(text[2..], out value, out _, 'x');
        if (text.StartsWith("true"u8) || text.StartsWith("false"u8))
        {
            value = text[0] == (byte)'t' ? 1UL : 0;
            return true;
        }

        if (isHex ? Utf8Parser.TryParse(text, out value, out _, 'x') : Utf8Parser.TryParse(text, out value, out _))
            return true;
        var isNumber = Utf8Parser.TryParse(text, out long negative, out _);
        value = unchecked((ulong)negative);
        return isNumber;
    }
}
