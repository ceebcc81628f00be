using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Layouts;
using Replay.Analyzer.Store.Parts;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store;

/// <summary>The database's side of one run: turns batches into rows. Lives on the ingest thread.</summary>
internal sealed class RunWriter : IDisposable
{
    /// <summary>Filled while the run goes on; all other tables at its end.</summary>
    private static readonly string[] HistoryTables =
    [
        "_run", "_chain", AccessLayout.Table, VmExitLayout.Table, FaultLayout.Table, TableWriteLayout.Table, TablePageLayout.Table, PageOperationLayout.Table,
        RootLayout.Table, FlushLayout.Table, RmapLayout.Table, GuestFaultLayout.Table, NoteLayout.Table,
        NestedWriter.StateTable, NestedWriter.PageTable, NestedWriter.EntryTable,
    ];

    private readonly NativeConnection _connection;
    private readonly int _run;
    private readonly EntryClassifier _entries;
    private readonly StoreOptions _options;
    private readonly RunParts? _parts;
    private readonly bool _partsOnly;
    private readonly RunSums _sums;
    private readonly IRowSink<AccessRecord> _accesses;
    private readonly IRowSink<VmExitRecord> _exits;
    private readonly IRowSink<FaultRow> _faults;
    private readonly IRowSink<TableWrite> _writes;
    private readonly BulkInsert<TablePageRecord, TablePageLayout> _pages;
    private readonly IRowSink<TablePageRecord> _operations;
    private readonly IRowSink<RootRecord> _roots;
    private readonly IRowSink<TlbFlushRecord> _flushes;
    private readonly IRowSink<RmapRecord> _rmaps;
    private readonly IRowSink<GuestFaultRecord> _guestFaults;
    private readonly BulkInsert<ModelNoteRecord, NoteLayout> _notes;
    private readonly NestedWriter _nested;
    private readonly NativeStatement _zap;
    private readonly NativeStatement _free;
    private TableWrite[] _leafWrites = [];

    /// <param name="connection">To the database.</param>
    /// <param name="run">Number of the run.</param>
    /// <param name="entries">How its entries are told apart.</param>
    /// <param name="options">What is stored of it.</param>
    /// <param name="load">Fills the tables of records; null: SQLite does.</param>
    /// <param name="parts">Gets the rows as well; null: nobody.</param>
    /// <param name="partsOnly">Only they get rows of records.</param>
    public RunWriter(NativeConnection connection, int run, EntryClassifier entries, StoreOptions options, BulkLoad? load, RunParts? parts = null, bool partsOnly = false)
    {
        _parts = parts;
        _partsOnly = partsOnly;
        _connection = connection;
        _run = run;
        Observed = new ObservedWriter(connection, run);
        _entries = entries;
        _options = options;
        _sums = new RunSums(entries, options);
        _accesses = Sink<AccessRecord, AccessLayout>(load);
        _exits = Sink<VmExitRecord, VmExitLayout>(load);
        _faults = Sink<FaultRow, FaultLayout>(load);
        _writes = Sink<TableWrite, TableWriteLayout>(load);
        _pages = new BulkInsert<TablePageRecord, TablePageLayout>(connection);
        _operations = Sink<TablePageRecord, PageOperationLayout>(load);
        _roots = Sink<RootRecord, RootLayout>(load);
        _flushes = Sink<TlbFlushRecord, FlushLayout>(load);
        _rmaps = Sink<RmapRecord, RmapLayout>(load);
        _guestFaults = Sink<GuestFaultRecord, GuestFaultLayout>(load);
        _notes = new BulkInsert<ModelNoteRecord, NoteLayout>(connection);
        _nested = new NestedWriter(connection, run);
        _zap = connection.Prepare(
            "UPDATE _table_page SET zapped_ordinal = ?3, zapped_seq = ?4, zap_chain_id = ?5 WHERE run = ?1 AND table_id = ?2 AND zapped_seq IS NULL");
        _free = connection.Prepare(
            "UPDATE _table_page SET freed_ordinal = ?3, freed_seq = ?4 WHERE run = ?1 AND table_id = ?2 AND freed_seq IS NULL");
    }

    /// <summary>What only observed runs have.</summary>
    public ObservedWriter Observed { get; }

    public void Write(RecordBatch batch)
    {
        _sums.Count(batch);
        foreach (var chain in batch.Chains)
            InsertChain(chain);
        _notes.Insert(batch.Notes.Records, _run, _entries);
        if (_options.Detail == DetailLevel.Counters || _sums.Cap.IsReached)
            return;
        var rows = _sums.Cap.Take(batch);
        _accesses.Insert(rows.Accesses, _run, _entries);
        _exits.Insert(rows.Exits, _run, _entries);
        _faults.Insert(rows.Faults, _run, _entries);
        _writes.Insert(_options.Detail == DetailLevel.Leaf ? LeafWrites(rows.Writes) : rows.Writes, _run, _entries);
        _operations.Insert(rows.Pages, _run, _entries);
        FollowPages(rows.Pages);
        _roots.Insert(rows.Roots, _run, _entries);
        _flushes.Insert(rows.Flushes, _run, _entries);
        _rmaps.Insert(rows.Rmaps, _run, _entries);
        _guestFaults.Insert(rows.GuestFaults, _run, _entries);
        _nested.Write(batch.GuestStates, batch.GuestEntries.Records, _sums.Cap.LastOrdinal ?? long.MaxValue);
        Observed.Write(batch.Observed);
    }

    /// <summary>Stores what is known at the end. The run is not complete by that: see <see cref="HistoryFile"/>.</summary>
    public void WriteSummary(RunSummary summary, long lastSeq, long rmapChanges)
    {
        _sums.Reports.Store(_connection, _run);
        foreach (var walk in summary.Walks)
        {
            _connection.Run(
                "INSERT INTO _walk_count (run, first_ordinal, guest_references, kvm_references, walks) VALUES (?, ?, ?, ?, ?)",
                _run,
                walk.FirstOrdinal,
                walk.GuestReferences,
                walk.KvmReferences,
                walk.Walks);
        }

        foreach (var mark in summary.FirstNotes.Count == 0 ? [] : Verdict.Marks(summary.NoteCounts, summary.FirstNotes))
        {
            _connection.Run(
                "INSERT INTO _verdict (run, kind, bearing, count, ordinal, vcpu, rip, gva, recorded, modelled, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                _run,
                (int)mark.Kind,
                (int)mark.Bearing,
                mark.Count,
                mark.First.Ordinal,
                (int)mark.First.Vcpu,
                (long)mark.First.Rip,
                (long)mark.First.Gva,
                (long)mark.First.Recorded,
                (long)mark.First.Modelled,
                mark.Reason);
        }

        foreach (var counter in _sums.Counters.All(_sums.Reports.Writes, rmapChanges, summary))
            _connection.Run("INSERT INTO _counter (run, name, value, meaning) VALUES (?, ?, ?, ?)", _run, counter.Name, counter.Value, counter.Meaning);
        _connection.Run(
            "UPDATE _run SET history_hash = ?, first_ordinal = ?, last_ordinal = ?, accesses = ?, events = ?, last_seq = ?, rows_to_ordinal = ? WHERE run = ?",
            summary.HistoryHash,
            summary.FirstOrdinal,
            summary.LastOrdinal,
            summary.Accesses,
            summary.Events,
            lastSeq,
            _sums.Cap.LastOrdinal,
            _run);
    }

    public void Save(StateBuffer destination) => StateWriter.Write(destination, _sums);

    /// <summary>Goes on from a checkpoint. What <see cref="WriteSummary"/> may have written behind it is written again at the end.</summary>
    public void Restore(ReadOnlySpan<byte> state)
    {
        StateReader.Fill(state, _sums);
        foreach (var table in StoredRuns.Tables(_connection).Except(HistoryTables, StringComparer.Ordinal))
            _connection.Execute($"DELETE FROM {table} WHERE run = {_run}");
    }

    public void InsertChain(ChainRow chain)
    {
        _parts?.Add(chain);
        _connection.Run(
            "INSERT INTO _chain (run, chain_id, function, depth, path) VALUES (?, ?, ?, ?, ?)",
            _run,
            chain.ChainId,
            (int)chain.Function,
            chain.Depth,
            chain.Path);
    }

    /// <summary>Everything that was handed over is written: the files of the parts are whole.</summary>
    public void EndParts() => _parts?.End();

    public void Dispose()
    {
        foreach (IDisposable statement in (ReadOnlySpan<IDisposable>)
            [_accesses, _exits, _faults, _writes, _pages, _operations, _roots, _flushes, _rmaps, _guestFaults, _notes, _nested, _zap, _free])
        {
            statement.Dispose();
        }
    }

    private IRowSink<T> Sink<T, TLayout>(BulkLoad? load)
        where T : unmanaged
        where TLayout : IRowLayout<T>
    {
        if (_partsOnly)
            return _parts!.Sink<T, TLayout>();
        IRowSink<T> rows = load is null ? new BulkInsert<T, TLayout>(_connection) : load.Sink<T, TLayout>(_run);
        return _parts is null ? rows : new BothRows<T>(rows, _parts.Sink<T, TLayout>());
    }

    private ReadOnlySpan<TableWrite> LeafWrites(ReadOnlySpan<TableWrite> writes)
    {
        if (_leafWrites.Length < writes.Length)
            _leafWrites = new TableWrite[writes.Length];
        var count = 0;
        foreach (ref readonly var write in writes)
        {
            if (IsLeaf(_entries.Classify(write.Old, write.Level)) || IsLeaf(_entries.Classify(write.New, write.Level)))
                _leafWrites[count++] = write;
        }

        return _leafWrites.AsSpan(0, count);
    }

    private static bool IsLeaf(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge or EntryKind.Mmio;

    private void FollowPages(ReadOnlySpan<TablePageRecord> operations)
    {
        for (var i = 0; i < operations.Length; i++)
        {
            ref readonly var page = ref operations[i];
            if (page.Operation == PageOperation.Create)
                _pages.Insert(operations.Slice(i, 1), _run, _entries);
            else if (page.Operation == PageOperation.Zap)
                Update(_zap, page, withChain: true);
            else if (page.Operation == PageOperation.Free)
                Update(_free, page, withChain: false);
        }
    }

    private void Update(NativeStatement statement, in TablePageRecord page, bool withChain)
    {
        statement.Bind(1, _run);
        statement.Bind(2, page.TableId);
        statement.Bind(3, page.Ordinal);
        statement.Bind(4, page.Seq);
        if (withChain)
            statement.Bind(5, page.ChainId);
        statement.Step();
        statement.Reset();
    }
}
