namespace Replay.Trace;

/// <summary>What a guest's own guests (L2) did, counted.</summary>
public sealed class NestedFigures
{
    /// <summary>The first version of the format that tells of nested guests.</summary>
    internal const int FirstVersion = 2;

    private readonly Dictionary<ulong, long> _exits = [];
    private readonly bool[] _inside = new bool[byte.MaxValue + 1];

    /// <summary>The entries were VMLAUNCHes and VMRESUMEs, and exits have the numbers of VMX.</summary>
    public bool IsVmx { get; private set; }

    /// <summary>VMRUNs, or VMLAUNCHes and VMRESUMEs.</summary>
    public long Entries { get; private set; }

    /// <summary>Of them those with nested page tables.</summary>
    public long WithNestedPaging { get; private set; }

    /// <summary>Exits to the hypervisor by code, in order of the codes.</summary>
    public IReadOnlyDictionary<ulong, long> Exits => new SortedDictionary<ulong, long>(_exits);

    /// <summary>L2's accesses that stand in the capture.</summary>
    public long Accesses { get; private set; }

    /// <summary>Counts the next events of the stream.</summary>
    public void Count(List<TraceEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        foreach (var row in events)
            Count(row);
    }

    public void Count(in TraceEvent row)
    {
        switch (row.Kind)
        {
            case TraceEventKind.NestedEnter:
                var entry = EventDetail.ReadNestedEntry(row);
                Entries++;
                IsVmx |= entry.Vmx == true;
                WithNestedPaging += entry.NestedPaging ? 1 : 0;
                _inside[row.Vcpu] = true;
                break;
            case TraceEventKind.NestedExit:
                _exits[row.Value ?? 0] = _exits.GetValueOrDefault(row.Value ?? 0) + 1;
                _inside[row.Vcpu] = false;
                break;
            case TraceEventKind.NestedAccess:
            case TraceEventKind.PageTableStore or TraceEventKind.Mmio or TraceEventKind.ImplicitAccess when _inside[row.Vcpu]:
                Accesses++;
                break;
            default:
                break;
        }
    }
}
