using Replay.Replayer.History;

namespace Replay.Replayer.Tests.History;

/// <summary>Keeps the chains as they are told and the chains that flushes refer to.</summary>
internal sealed class ChainRecorder : IHistory
{
    public List<(int Id, KvmFunction[] Functions)> Chains { get; } = [];

    public List<int> FlushChains { get; } = [];

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => Chains.Add((chainId, functions.ToArray()));

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

    public void OnFlush(in TlbFlushRecord record) => FlushChains.Add(record.ChainId);

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
