using Replay.Trace;

namespace Replay.Replayer;

/// <summary>
/// Where a filtered recording forgot which accesses it had seen. What the model takes away there is exact: the accesses that need it
/// again were recorded. What it takes away elsewhere may have been needed by an access that the recording dropped.
/// </summary>
internal static class FlushPoints
{
    /// <summary>Replaying an event of this kind happens at a flush point.</summary>
    public static bool Is(TraceEventKind kind) => kind switch
    {
        TraceEventKind.Mmio or TraceEventKind.ImplicitAccess or TraceEventKind.PageImage => false,
        TraceEventKind.GuestPageFault or TraceEventKind.Delivery => false,
        TraceEventKind.Lidt or TraceEventKind.Lgdt or TraceEventKind.Ltr => false,
        TraceEventKind.Marker or TraceEventKind.Lost => false,
        _ => true,
    };
}
