using Replay.Replayer.History;

namespace Replay.Replayer.Tests.Hardware;

/// <summary>Keeps every record.</summary>
internal sealed class RecordedHistory : IHistory
{
    public List<TableWrite> Writes { get; } = [];

    public List<GuestFaultRecord> GuestFaults { get; } = [];

    public List<ModelNoteRecord> Notes { get; } = [];

    public List<AccessRecord> Accesses { get; } = [];

    public IEnumerable<TableWrite> HardwareWrites => Writes.Where(write => write.Actor == Actor.Hardware);

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
    }

    public void OnExit(in VmExitRecord record)
    {
    }

    public void OnFault(in FaultRecord record)
    {
    }

    public void OnWrite(in TableWrite record) => Writes.Add(record);

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

    public void OnGuestFault(in GuestFaultRecord record) => GuestFaults.Add(record);

    public void OnNote(in ModelNoteRecord record) => Notes.Add(record);

    public void OnAccess(in AccessRecord record) => Accesses.Add(record);
}
