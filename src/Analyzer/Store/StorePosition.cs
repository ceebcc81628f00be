using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>What a store keeps of the records that went through it.</summary>
internal sealed class StorePosition
{
    public long LastSeq { get; set; }

    public long RmapChanges { get; set; }

    public ExitReason LastExitReason { get; set; }
}
