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
        ["nested"] = [TraceEventKind.NestedEnter, TraceEventKind.NestedExit, TraceEventKind.Invlpga, TraceEventKind.Invept, TraceEventKind.Invvpid],
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

/// <summary>Where the page filter of a filtered recording is emptied. Recorders act on it; replayers check that it was enough.</summary>
public sealed class FlushPoints
{
    private const uint PresentErrorCode = 1;

    private readonly bool[] _kinds = new bool[byte.MaxValue + 1];

    /// <param name="rule">Its unknown names empty nothing.</param>
    public FlushPoints(FilterRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        foreach (var name in rule.FlushOn)
        {
            if (!FlushRule.TryGetKinds(name, out var kinds))
                continue;
            foreach (var kind in kinds)
                _kinds[(int)kind] = true;
        }

        EpochLength = rule.FlushOn.Contains(FlushRule.Epoch) && rule.EpochLength > 0 ? rule.EpochLength : long.MaxValue;
    }

    /// <summary>The filter is emptied before every ordinal that is a multiple of this, if nothing else empties it.</summary>
    public long EpochLength { get; }

    /// <summary>Whether the event empties the filter, when it has happened.</summary>
    public bool Include(in TraceEvent row) => _kinds[(int)row.Kind] && row.Kind switch
    {
        TraceEventKind.PageTableStore => ((row.Flags ?? AccessFlags.None) & AccessFlags.KeptFilter) == 0,
        TraceEventKind.GuestPageFault => ((row.ErrorCode ?? PresentErrorCode) & PresentErrorCode) != 0,
        _ => true,
    };
}

/// <summary>
/// The page filter of a filtered recording: an access is dropped when its page, kind and privilege stand in a direct-mapped table
/// that is emptied at every flush point. Replay is exact as long as every zap of the model falls on a flush point.
/// </summary>
public sealed record FilterRule
{
    /// <summary>Slots of the direct-mapped table, a power of two.</summary>
    public required int Entries { get; init; }

    /// <summary>Ordinals between two unconditional flushes: flush before every ordinal that is a multiple of this.</summary>
    public required long EpochLength { get; init; }

    /// <summary>Names of the events that flush, see <c>schemas/capture/v2.md</c>.</summary>
    public List<string> FlushOn { get; init; } =
    [
        "cr_write", "invlpg", "invpcid", "page_image", "page_table_store", "protection_fault", "pkru_write", "host_event", "nested", "marker", "epoch",
    ];
}
