using System.Runtime.InteropServices;

namespace Replay.Recorder.Qemu;

/// <summary>What the plugin counts, laid out as <c>struct wire_counters</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WireCounters
{
    public long Ordinals;
    public long Accesses;
    public long Stalls;
    public long StallNanoseconds;
    public long Flushes;
    public long TablePages;
    public long MemslotChanges;
    public long Unslotted;
    public long DeviceInSlot;
    public long NotDeliveries;
    public long Ambiguous;
    public long RealMode;
    public long TableOffRam;
    public long Unresolved;
    public long Nested;
    public long Kept;
    public long Released;
    public long TasksUntold;
}
