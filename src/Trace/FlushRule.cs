namespace Replay.Trace;

/// <summary>The names that <see cref="FilterRule.FlushOn"/> can hold, and the events that each stands for.</summary>
public static class FlushRule
{
    /// <summary>The filter is emptied before every ordinal that is a multiple of <see cref="FilterRule.EpochLength"/>.</summary>
    public const string Epoch = "epoch";

    private static readonly Dictionary<string, TraceEventKind[]> Kinds = new(StringComparer.Ordinal)
    {
        ["cr_write"] =
        [
            TraceEventKind.Cr0Write, TraceEventKind.Cr3Write, TraceEventKind.Cr4Write, TraceEventKind.EferWrite, TraceEventKind.VcpuState,
        ],
        ["invlpg"] = [TraceEventKind.Invlpg],
        ["invpcid"] = [TraceEventKind.Invpcid],
        ["page_image"] = [TraceEventKind.PageImage],
        ["page_table_store"] = [TraceEventKind.PageTableStore],
        ["protection_fault"] = [TraceEventKind.GuestPageFault],
        ["pkru_write"] = [TraceEventKind.PkruWrite],
        ["host_event"] =
        [
            TraceEventKind.Memslot, TraceEventKind.HostInvalidate, TraceEventKind.HostChangePte, TraceEventKind.HostAge,
            TraceEventKind.DirtyLogOn, TraceEventKind.DirtyLogOff, TraceEventKind.DirtyLogGet, TraceEventKind.Lost,
        ],
        ["nested"] = [TraceEventKind.NestedEnter, TraceEventKind.NestedExit, TraceEventKind.Invlpga],
        ["marker"] = [TraceEventKind.Marker],
        [Epoch] = [],
    };

    /// <summary>The kinds of event that a name stands for, of which <see cref="FlushPoints"/> takes some out; false where the name is unknown.</summary>
    public static bool TryGetKinds(string name, out IReadOnlyList<TraceEventKind> kinds)
    {
        var known = Kinds.TryGetValue(name, out var found);
        kinds = found ?? [];
        return known;
    }
}
