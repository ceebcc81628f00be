using Replay.Analyzer.Observed;
using Replay.Replayer.History;

namespace Replay.Cli.Importing;

/// <summary>Takes an observed history and keeps nothing: where its hash is all that is wanted.</summary>
internal class SilentObservedHistory : IObservedHistory
{
    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
    }

    public void OnFault(in FaultRecord record)
    {
    }

    public void OnFault(in FaultRecord record, long endSeq, ExitReason exit)
    {
    }

    public virtual void OnWrite(in TableWrite record)
    {
    }

    public virtual void OnTablePage(in TablePageRecord record)
    {
    }

    public void OnTablePage(in TablePageRecord record, uint roleMask) => OnTablePage(record);

    public void OnEarlierPage(in TablePageRecord record, uint roleMask)
    {
    }

    public void OnPageLearned(PageFacts facts)
    {
    }

    public void OnTraceEvent(in TraceEventRow trace, ReadOnlySpan<byte> fields)
    {
    }

    public void OnRoot(in RootRecord record)
    {
    }

    public void OnFlush(in TlbFlushRecord record)
    {
    }

    public void OnRmap(in RmapRecord record)
    {
    }

    public void OnGuestFault(in GuestFaultRecord record)
    {
    }

    public void OnNote(in ModelNoteRecord record)
    {
    }
}
