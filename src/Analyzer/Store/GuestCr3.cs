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
    public void Look(TraceChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        foreach (var row in chunk.Events)
        {
            if (row.Kind == TraceEventKind.Cr3Write && row.Value is { } value)
                Load(row.Ordinal, row.Vcpu, value);
            else if (row.Kind == TraceEventKind.VcpuState && EventDetail.ReadVcpuState(row) is { Cr3: not 0 } state)
                Load(row.Ordinal, row.Vcpu, state.Cr3);
        }
    }
}
