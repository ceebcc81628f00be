using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>What follows the head at a #VMEXIT to the guest's hypervisor, laid out as <c>struct wire_nested_exit</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireNestedExit
{
    private readonly ulong _exitCode;
    private readonly ulong _info1;
    private readonly ulong _info2;
    private readonly ulong _interruptInfo;
    private readonly ulong _cr0;
    private readonly ulong _cr3;
    private readonly ulong _cr4;
    private readonly ulong _efer;
    private readonly ulong _rflags;

    public TraceEvent Event(in WireHead head) => new()
    {
        Ordinal = head.Ordinal,
        Kind = TraceEventKind.NestedExit,
        Vcpu = head.Vcpu,
        Value = _exitCode,
        Rip = head.Rip,
        Detail = EventDetail.Write(new NestedExit
        {
            Info1 = _info1,
            Info2 = _info2,
            InterruptInfo = _interruptInfo,
            Cr0 = _cr0,
            Cr3 = _cr3,
            Cr4 = _cr4,
            Efer = _efer,
            Rflags = _rflags,
        }),
    };
}
