using System.Runtime.InteropServices;
using Replay.Replayer.History;

namespace Replay.Benchmarks;

/// <summary>A history held in memory, to be told again to others without the replay that made it.</summary>
internal sealed class RecordedHistory : IHistory
{
    private readonly List<(int Id, KvmFunction[] Functions)> _chains = [];
    private readonly List<Kind> _order = [];
    private readonly List<VmExitRecord> _exits = [];
    private readonly List<FaultRecord> _faults = [];
    private readonly List<TableWrite> _writes = [];
    private readonly List<TablePageRecord> _pages = [];
    private readonly List<RootRecord> _roots = [];
    private readonly List<TlbFlushRecord> _flushes = [];
    private readonly List<RmapRecord> _rmaps = [];
    private readonly List<GuestFaultRecord> _guestFaults = [];
    private readonly List<ModelNoteRecord> _notes = [];
    private readonly List<AccessRecord> _accesses = [];

    private enum Kind : byte
    {
        Exit,
        Fault,
        Write,
        Page,
        Root,
        Flush,
        Rmap,
        GuestFault,
        Note,
        Access,
    }

    public long Writes => _writes.Count;

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => _chains.Add((chainId, functions.ToArray()));

    public void OnExit(in VmExitRecord record) => Add(Kind.Exit, _exits, record);

    public void OnFault(in FaultRecord record) => Add(Kind.Fault, _faults, record);

    public void OnWrite(in TableWrite record) => Add(Kind.Write, _writes, record);

    public void OnTablePage(in TablePageRecord record) => Add(Kind.Page, _pages, record);

    public void OnRoot(in RootRecord record) => Add(Kind.Root, _roots, record);

    public void OnFlush(in TlbFlushRecord record) => Add(Kind.Flush, _flushes, record);

    public void OnRmap(in RmapRecord record) => Add(Kind.Rmap, _rmaps, record);

    public void OnGuestFault(in GuestFaultRecord record) => Add(Kind.GuestFault, _guestFaults, record);

    public void OnNote(in ModelNoteRecord record) => Add(Kind.Note, _notes, record);

    public void OnAccess(in AccessRecord record) => Add(Kind.Access, _accesses, record);

    /// <summary>Tells all of it: the chains first, the records in their order.</summary>
    public void Play(IHistory to)
    {
        foreach (var (id, functions) in _chains)
            to.OnChain(id, functions);
        Span<int> next = stackalloc int[(int)Kind.Access + 1];
        foreach (var kind in CollectionsMarshal.AsSpan(_order))
        {
            var i = next[(int)kind]++;
            switch (kind)
            {
                case Kind.Exit: to.OnExit(in At(_exits, i)); break;
                case Kind.Fault: to.OnFault(in At(_faults, i)); break;
                case Kind.Write: to.OnWrite(in At(_writes, i)); break;
                case Kind.Page: to.OnTablePage(in At(_pages, i)); break;
                case Kind.Root: to.OnRoot(in At(_roots, i)); break;
                case Kind.Flush: to.OnFlush(in At(_flushes, i)); break;
                case Kind.Rmap: to.OnRmap(in At(_rmaps, i)); break;
                case Kind.GuestFault: to.OnGuestFault(in At(_guestFaults, i)); break;
                case Kind.Note: to.OnNote(in At(_notes, i)); break;
                case Kind.Access: to.OnAccess(in At(_accesses, i)); break;
            }
        }
    }

    private void Add<T>(Kind kind, List<T> records, in T record)
    {
        _order.Add(kind);
        records.Add(record);
    }

    private static ref readonly T At<T>(List<T> records, int index) => ref CollectionsMarshal.AsSpan(records)[index];
}
