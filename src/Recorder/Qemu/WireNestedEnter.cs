using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>What follows the head where a nested guest is entered, laid out as <c>struct wire_nested_enter</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireNestedEnter
{
    private readonly ulong _nestedControl;
    private readonly ulong _nestedCr3;
    private readonly ulong _cr0;
    private readonly ulong _cr2;
    private readonly ulong _cr3;
    private readonly ulong _cr4;
    private readonly ulong _efer;
    private readonly ulong _pat;
    private readonly ulong _rip;
    private readonly ulong _rflags;
    private readonly ulong _intercepts;
    private readonly ulong _eventInjection;
    private readonly uint _asid;
    private readonly uint _tlbControl;
    private readonly uint _cpl;
    private readonly uint _interceptCr;
    private readonly uint _interceptExceptions;
    private readonly uint _spare;

    public TraceEvent Event(in WireHead head) => new()
    {
        Ordinal = head.Ordinal,
        Kind = TraceEventKind.NestedEnter,
        Vcpu = head.Vcpu,
        Gpa = head.Gpa,
        Rip = head.Rip,
        Detail = EventDetail.Write(new NestedEntry
        {
            NestedControl = _nestedControl,
            NestedCr3 = _nestedCr3,
            Asid = _asid,
            TlbControl = (byte)_tlbControl,
            Cr0 = _cr0,
            Cr2 = _cr2,
            Cr3 = _cr3,
            Cr4 = _cr4,
            Efer = _efer,
            Pat = _pat,
            Rip = _rip,
            Rflags = _rflags,
            Cpl = (int)_cpl,
            InterceptCr = _interceptCr,
            InterceptExceptions = _interceptExceptions,
            Intercepts = _intercepts,
            EventInjection = _eventInjection,
        }),
    };
}
