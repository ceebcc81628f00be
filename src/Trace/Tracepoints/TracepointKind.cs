namespace Replay.Trace.Tracepoints;

/// <summary>The lines of a trace whose fields Replay knows. Everything else is <see cref="Other"/>, and kept as text.</summary>
public enum TracepointKind : byte
{
    Other = 0,
    Entry,
    Exit,
    PageFault,
    InjectedException,
    ControlRegister,
    Msr,
    PmlFull,
    FastMmio,
    Mmio,
    NotifierRange,
    GetPage,
    SyncPage,
    UnsyncPage,
    ZapPage,
    SetSpte,
    SpteChanged,
    SpteRequested,
    MarkMmioSpte,
    HandleMmioPageFault,
    CheckMmioSpte,
    FastPageFault,
    ZapAllFast,
    SplitHugePage,
    GuestWalk,
    GuestEntry,
    GuestAccessedBit,
    GuestDirtyBit,
    WalkerError,
}

/// <summary>The name of an event, once for each name of a trace.</summary>
/// <param name="Id">From 0 in the order in which the names came up.</param>
/// <param name="Text">As the trace has it, without the name of the system before it.</param>
/// <param name="Kind">Which fields its line has.</param>
public sealed record TracepointName(int Id, string Text, TracepointKind Kind);
