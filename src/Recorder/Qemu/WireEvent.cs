using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>The second slot of an event, laid out as <c>struct wire_event</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct WireEvent
{
    public readonly ulong Value;
    public readonly uint ErrorCode;
    public readonly uint Size;
    public readonly uint Present;
    public readonly uint Access;
    public readonly uint KeptFilter;
    private readonly uint _spare;
    public readonly ulong L2Gpa;
}
