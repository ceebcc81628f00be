namespace Replay.Trace;

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
