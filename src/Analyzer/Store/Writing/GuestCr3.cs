using Dapper;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>The page tables that a vCPU runs on from an event on.</summary>
/// <param name="Ordinal">The event.</param>
/// <param name="Vcpu">The vCPU.</param>
/// <param name="Value">CR3.</param>
public readonly record struct GuestCr3(long Ordinal, byte Vcpu, ulong Value);

/// <summary>Collects the loads of CR3 that change something.</summary>
public sealed class GuestCr3Log
{
    private const ulong KeepsTranslations = 1UL << 63;

    private readonly Dictionary<byte, ulong> _last = [];
    private readonly List<GuestCr3> _loads = [];

    public IReadOnlyList<GuestCr3> Loads => _loads;

    public void Load(long ordinal, byte vcpu, ulong value)
    {
        value &= ~KeepsTranslations;
        if (_last.TryGetValue(vcpu, out var last) && last == value)
            return;
        _last[vcpu] = value;
        // Two at one event: the second holds.
        if (_loads.Count > 0 && _loads[^1].Ordinal == ordinal && _loads[^1].Vcpu == vcpu)
            _loads.RemoveAt(_loads.Count - 1);
        _loads.Add(new GuestCr3(ordinal, vcpu, value));
    }

    /// <summary>Those of a stretch of a capture.</summary>
    public void Look(IReadOnlyList<TraceEvent> events)
    {
        ArgumentNullException.ThrowIfNull(events);
        foreach (var row in events)
        {
            if (row.Kind == TraceEventKind.Cr3Write && row.Value is { } value)
                Load(row.Ordinal, row.Vcpu, value);
            else if (row.Kind == TraceEventKind.VcpuState && EventDetail.ReadVcpuState(row) is { Cr3: not 0 } state)
                Load(row.Ordinal, row.Vcpu, state.Cr3);
        }
    }
}

/// <summary>Which page tables each vCPU was on at any event: what tells the guest's processes apart.</summary>
public sealed class AddressSpaces
{
    private readonly Dictionary<int, List<GuestCr3>> _loads = [];

    /// <param name="loads">Loads of CR3, in the order of their events.</param>
    public AddressSpaces(IEnumerable<GuestCr3> loads)
    {
        ArgumentNullException.ThrowIfNull(loads);
        foreach (var load in loads)
        {
            if (!_loads.TryGetValue(load.Vcpu, out var own))
                _loads[load.Vcpu] = own = [];
            own.Add(load);
        }
    }

    /// <summary>Those of a run: a companion has those of the trace that it was held against.</summary>
    public static AddressSpaces Of(Database database, int run)
    {
        ArgumentNullException.ThrowIfNull(database);
        return new AddressSpaces(database.Connection.Query<(long Ordinal, long Vcpu, long Value)>(
            "SELECT c.ordinal + coalesce(t.ordinal_offset, 0), c.vcpu, c.cr3 FROM trace_of AS t JOIN guest_cr3 AS c ON c.run = coalesce(t.trace_run, t.run) "
            + "WHERE t.run = @run ORDER BY c.ordinal",
            new { run }).Select(load => new GuestCr3(load.Ordinal, (byte)load.Vcpu, unchecked((ulong)load.Value))));
    }

    /// <summary>Those of a capture, from its events alone.</summary>
    public static AddressSpaces Of(CaptureReader capture)
    {
        ArgumentNullException.ThrowIfNull(capture);
        var log = new GuestCr3Log();
        capture.ReadEvents(log.Look);
        return new AddressSpaces(log.Loads);
    }

    /// <summary>The page tables of a vCPU at an event; null: it was not shown to load any yet.</summary>
    public ulong? At(int? vcpu, long ordinal)
    {
        if (vcpu is not { } number || !_loads.TryGetValue(number, out var loads))
            return null;
        int low = 0, high = loads.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (loads[middle].Ordinal <= ordinal)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? null : loads[low - 1].Value;
    }
}
