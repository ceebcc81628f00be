using Replay.Replayer.History;

namespace Replay.Benchmarks;

/// <summary>A history that is made, hashed and counted, and stored nowhere.</summary>
internal sealed class NoHistory : IHistory
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
