namespace Replay.Analyzer.Store.Summaries;

/// <summary>Sorts of records in <c>_activity</c>. The numbers are stored.</summary>
internal enum ActivityKind : byte
{
    Exit = 1,
    Fault = 2,
    Write = 3,
    Page = 4,
    Root = 5,
    Flush = 6,
    GuestFault = 7,
}
