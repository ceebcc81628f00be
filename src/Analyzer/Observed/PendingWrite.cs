using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>A write that one line showed, and of which the next may tell more: its tracepoint, the frame it translates.</summary>
internal struct PendingWrite
{
    public ObservedPage Page;
    public int Index;
    public ulong Gfn;
    public ulong Old;
    public ulong New;
    public long Seq;
    public long Ordinal;
    public int ChainId;
    public int FaultId;
    public int ExitId;
    public KvmFunction Function;
    public Tracepoint Tracepoint;
}
