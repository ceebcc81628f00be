using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>Records on their way from the replay to the database, kind by kind. Batches are reused, so memory stays bounded.</summary>
internal sealed class RecordBatch
{
    private const int WriteCapacity = 4096;
    private const int Capacity = 2048;

    public List<ChainRow> Chains { get; } = [];

    public RecordBuffer<AccessRecord> Accesses { get; } = new(Capacity);

    public RecordBuffer<VmExitRecord> Exits { get; } = new(Capacity);

    public RecordBuffer<FaultRow> Faults { get; } = new(Capacity);

    public RecordBuffer<TableWrite> Writes { get; } = new(WriteCapacity);

    public RecordBuffer<TablePageRecord> Pages { get; } = new(Capacity);

    public RecordBuffer<RootRecord> Roots { get; } = new(Capacity);

    public RecordBuffer<TlbFlushRecord> Flushes { get; } = new(Capacity);

    public RecordBuffer<RmapRecord> Rmaps { get; } = new(Capacity);

    public RecordBuffer<GuestFaultRecord> GuestFaults { get; } = new(Capacity);

    public RecordBuffer<ModelNoteRecord> Notes { get; } = new(Capacity);

    public List<GuestStateRecord> GuestStates { get; } = [];

    public RecordBuffer<GuestEntryRecord> GuestEntries { get; } = new(Capacity);

    public ObservedBatch Observed { get; } = new();

    /// <summary>Rows it will become, about.</summary>
    public int Count =>
        Accesses.Count + Exits.Count + Faults.Count + Writes.Count + Pages.Count + Roots.Count + Flushes.Count + Rmaps.Count
        + GuestFaults.Count + Notes.Count + GuestStates.Count + GuestEntries.Count + Observed.Count;

    public void Clear()
    {
        Chains.Clear();
        Accesses.Clear();
        Exits.Clear();
        Faults.Clear();
        Writes.Clear();
        Pages.Clear();
        Roots.Clear();
        Flushes.Clear();
        Rmaps.Clear();
        GuestFaults.Clear();
        Notes.Clear();
        GuestStates.Clear();
        GuestEntries.Clear();
        Observed.Clear();
    }
}

/// <summary>A bounded array of records, made when the first one comes.</summary>
internal sealed class RecordBuffer<T>(int capacity)
    where T : unmanaged
{
    private T[] _records = [];

    public int Count { get; private set; }

    public ReadOnlySpan<T> Records => _records.AsSpan(0, Count);

    /// <summary>False: full.</summary>
    public bool TryAdd(in T record)
    {
        var count = Count;
        if (count >= _records.Length)
        {
            if (count != 0)
                return false;
            _records = new T[capacity];
        }

        _records[count] = record;
        Count = count + 1;
        return true;
    }

    public void Clear() => Count = 0;
}
