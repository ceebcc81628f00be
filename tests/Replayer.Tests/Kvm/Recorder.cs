using Replay.Replayer.History;

namespace Replay.Replayer.Tests.Kvm;

/// <summary>Keeps everything that the model reports.</summary>
internal sealed class Recorder : IHistory
{
    private readonly Dictionary<int, string> _chains = [];

    public List<TableWrite> Writes { get; } = [];

    public List<FaultRecord> Faults { get; } = [];

    public List<TablePageRecord> Pages { get; } = [];

    public List<RootRecord> Roots { get; } = [];

    public List<TlbFlushRecord> Flushes { get; } = [];

    public List<RmapRecord> Rmaps { get; } = [];

    public List<GuestFaultRecord> GuestFaults { get; } = [];

    public List<ModelNoteRecord> Notes { get; } = [];

    public List<VmExitRecord> Exits { get; } = [];

    /// <summary>The call chain of a record in the kernel's spelling, outermost first.</summary>
    public string Chain(int chainId) => _chains[chainId];

    public IEnumerable<TablePageRecord> Created => Pages.Where(page => page.Operation == PageOperation.Create && page.IsSpecial == 0);

    public void Clear()
    {
        Writes.Clear();
        Faults.Clear();
        Pages.Clear();
        Roots.Clear();
        Flushes.Clear();
        Rmaps.Clear();
        GuestFaults.Clear();
        Notes.Clear();
        Exits.Clear();
    }

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) =>
        _chains[chainId] = string.Join(" > ", functions.ToArray().Select(function => function.KernelName()));

    public void OnExit(in VmExitRecord record) => Exits.Add(record);

    public void OnFault(in FaultRecord record) => Faults.Add(record);

    public void OnWrite(in TableWrite record) => Writes.Add(record);

    public void OnTablePage(in TablePageRecord record) => Pages.Add(record);

    public void OnRoot(in RootRecord record) => Roots.Add(record);

    public void OnFlush(in TlbFlushRecord record) => Flushes.Add(record);

    public void OnRmap(in RmapRecord record) => Rmaps.Add(record);

    public void OnGuestFault(in GuestFaultRecord record) => GuestFaults.Add(record);

    public void OnNote(in ModelNoteRecord record) => Notes.Add(record);
}
