namespace Replay.Replayer.History;

/// <summary>Takes a history and keeps nothing: for replays of which only the hash, the counts or the time is wanted.</summary>
public sealed class SilentHistory : IHistory
{
    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public void OnAccess(in AccessRecord record)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
    }

    public void OnFault(in FaultRecord record)
    {
    }

    public void OnWrite(in TableWrite record)
    {
    }

    public void OnTablePage(in TablePageRecord record)
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
