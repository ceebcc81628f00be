using Replay.Analyzer.Observed;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The part of a batch that only observed runs fill.</summary>
internal sealed class ObservedBatch
{
    public TraceEventBuffer Events { get; } = new();

    public List<(TablePageRecord Page, uint Mask)> EarlierPages { get; } = [];

    public List<(TablePageRecord Page, uint Mask)> RoleMasks { get; } = [];

    public List<PageFacts> Facts { get; } = [];

    public List<int> NestedFaults { get; } = [];

    public int Count => Events.Count + EarlierPages.Count + RoleMasks.Count + Facts.Count + NestedFaults.Count;

    public void Clear()
    {
        Events.Clear();
        EarlierPages.Clear();
        RoleMasks.Clear();
        Facts.Clear();
        NestedFaults.Clear();
    }
}
