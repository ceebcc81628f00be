using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Guest;

/// <summary>One walk of a guest's tables and what came of it.</summary>
internal sealed record WalkProbe(WalkStatus Status, ulong Address, PageFaultCode Code, List<string> Steps)
{
    public int References => Steps.Count(step => step.StartsWith("read", StringComparison.Ordinal));

    public static WalkProbe Run(
        GuestTableBuilder guest, ulong gva, AccessKind kind = AccessKind.Read, AccessFlags flags = AccessFlags.None, PagingRules? rules = null)
    {
        var steps = new List<string>();
        var tables = new FlatTables(guest.Memory, steps);
        var result = default(WalkResult);
        var status = CpuGuestWalker.Walk(ref tables, rules ?? guest.Rules(), guest.Registers, new GuestAccess(gva, kind, flags), ref result);
        return new WalkProbe(status, result.Address, result.ErrorCode, steps);
    }
}
