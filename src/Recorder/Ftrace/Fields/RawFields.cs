using System.Buffers.Text;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>
/// Reads events whose fields stand there by name, one by one: <c>trace-cmd report -R</c>, <c>[FAILED TO PARSE]</c> of a trace-cmd that
/// does not understand an event's format, and <c>perf trace</c>.
/// </summary>
/// <remarks><c>exit_reason=0x30 guest_rip=0xffff... isa=1</c>, <c>exit_reason: 48, guest_rip: 18446744071578845350, isa: 1</c>.</remarks>
internal static class RawFields
{
    public static bool TryParse(in TraceLine line, TracepointSink sink)
    {
        var text = line.Text;
        if (text.StartsWith("[FAILED TO PARSE]"u8))
            text = text[17..];
        return TryVcpu(line, text, sink) || TrySpte(line, text, sink) || TryMmio(line, text, sink) || TryPage(line, text, sink);
    }

    /// <summary>What a vCPU enters with, exits for, faults on and writes.</summary>
    private static bool TryVcpu(in TraceLine line, ReadOnlySpan<byte> text, TracepointSink sink)
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
            case TracepointKind.Msr when Has(text, "ecx"u8, out a) && Has(text, "data"u8, out b):
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
    private static bool TrySpte(in TraceLine line, ReadOnlySpan<byte> text, TracepointSink sink)
    {
        ulong a, b, c, d;
        switch (line.Name.Kind)
        {
            case TracepointKind.SetSpte when Has(text, "gfn"u8, out a) && Has(text, "spte"u8, out b) && Has(text, "level"u8, out c) && c is >= 1 and <= 5 && Has(text, "sptep"u8, out d):
                sink.OnSetSpte(line, new SetSpteFields(a, b, (int)c, d));
                return true;
            case TracepointKind.SpteChanged when Has(text, "gfn"u8, out a) && Has(text, "level"u8, out b) && b is >= 1 and <= 5 && Has(text, "old_spte"u8, out c) && Has(text, "new_spte"u8, out d):
                sink.OnSpteChanged(line, new SpteChangedFields((int)(Maybe(text, "as_id"u8) ?? 0), a, (int)b, c, d));
                return true;
            case TracepointKind.SpteRequested when Has(text, "gfn"u8, out a) && Has(text, "pfn"u8, out b) && Has(text, "level"u8, out c) && c is >= 1 and <= 5:
                sink.OnSpteRequested(line, new SpteRequestedFields(a, b, (int)c));
                return true;
            case TracepointKind.FastPageFault when Has(text, "cr2_or_gpa"u8, out a) && Has(text, "old_spte"u8, out b) && Has(text, "new_spte"u8, out c):
                // ret has the numbers of its kernel's RET_PF_*; the values say the same.
                sink.OnFastPageFault(line, new FastPageFaultFields(
                    (int)(Maybe(text, "vcpu_id"u8) ?? 0), a, Maybe(text, "error_code"u8) ?? 0, Pointer(Maybe(text, "sptep"u8)), b, c, b == c, b != c));
                return true;
            default:
                return false;
        }
    }

    private static bool TryMmio(in TraceLine line, ReadOnlySpan<byte> text, TracepointSink sink)
    {
        ulong a, b;
        switch (line.Name.Kind)
        {
            case TracepointKind.MarkMmioSpte when Has(text, "gfn"u8, out a) && Has(text, "access"u8, out b):
                sink.OnMarkMmioSpte(line, new MarkMmioSpteFields(Pointer(Maybe(text, "sptep"u8)), a, (uint)b, (uint?)Maybe(text, "gen"u8)));
                return true;
            case TracepointKind.HandleMmioPageFault when Has(text, "addr"u8, out a) && Has(text, "gfn"u8, out b) && Has(text, "access"u8, out var access):
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

    private static ulong? Maybe(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name) => Has(text, name, out var value) ? value : null;

    private static bool Has(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name, out ulong value)
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
                return TryNumber(text[(end + 1)..].TrimStart((byte)' '), out value);
            from = at + 1;
        }

        return false;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out ulong value)
    {
        if (text.StartsWith("0x"u8))
            return Utf8Parser.TryParse(text[2..], out value, out _, 'x');
        if (text.StartsWith("true"u8) || text.StartsWith("false"u8))
        {
            value = text[0] == (byte)'t' ? 1UL : 0;
            return true;
        }

        if (Utf8Parser.TryParse(text, out value, out _))
            return true;
        var isNumber = Utf8Parser.TryParse(text, out long negative, out _);
        value = unchecked((ulong)negative);
        return isNumber;
    }
}
