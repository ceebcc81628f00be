using System.Collections.Concurrent;
using Replay.Replayer.History;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store;

/// <summary>
/// Stores the history of one run in a database. The replay's thread fills batches; another one writes them. A run that is disposed of
/// before <see cref="Complete"/> stays marked as incomplete, as does one whose process dies.
/// </summary>
public sealed partial class HistoryStore : IHistory, IDisposable
{
    private const int Batches = 4;
    private const string ChainSeparator = " > ";

    private readonly HistoryFile _file;
    private readonly bool _ownsFile;
    private readonly IngestThread _ingest;
    private readonly RunWriter _writer;
    private readonly bool _storesRmap;
    private readonly BlockingCollection<RecordBatch> _free = [];
    private RecordBatch _batch = new();
    private readonly StorePosition _position = new();
    private bool _closed;

    internal HistoryStore(HistoryFile file, bool ownsFile, IngestThread ingest, RunWriter writer, int run, string name, StoreOptions options)
    {
        _file = file;
        _ownsFile = ownsFile;
        _ingest = ingest;
        _writer = writer;
        _storesRmap = options.Rmap && options.Detail != DetailLevel.Counters;
        Run = run;
        Name = name;
        for (var i = 1; i < Batches; i++)
            _free.Add(new RecordBatch());
    }

    /// <summary>Number of the run in the database.</summary>
    public int Run { get; }

    /// <summary>Name of the run in the database.</summary>
    public string Name { get; }

    /// <summary>Makes a database with one run. For several runs use <see cref="HistoryFile"/>.</summary>
    /// <exception cref="DatabaseExistsException">The file is there and may not be overwritten.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryStore Create(string path, RunInfo info, StoreOptions? options = null, bool overwrite = false) =>
        HistoryFile.Create(path, overwrite).BeginRun(info, options, ownsFile: true);

    /// <summary>Adds a run to a database.</summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    /// <exception cref="DatabaseFormatException">It is no Replay database, or one of a newer schema.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryStore Append(string path, RunInfo info, StoreOptions? options = null) =>
        HistoryFile.Append(path).BeginRun(info, options, ownsFile: true);

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions)
    {
        var names = new string[functions.Length];
        for (var i = 0; i < functions.Length; i++)
            names[i] = functions[i].KernelName();
        var function = functions.IsEmpty ? KvmFunction.None : functions[^1];
        _batch.Chains.Add(new ChainRow(chainId, function, functions.Length, string.Join(ChainSeparator, names)));
    }

    public void OnExit(in VmExitRecord record)
    {
        _position.LastSeq = record.Seq;
        _position.LastExitReason = record.Reason;
        if (!_batch.Exits.TryAdd(record))
            NextBatch().Exits.TryAdd(record);
    }

    public void OnFault(in FaultRecord record)
    {
        // Reported at its end: the latest record is the last of it, or it has none and ends where it began.
        _position.LastSeq = Math.Max(_position.LastSeq, record.Seq);
        var row = new FaultRow(record, _position.LastSeq, record.ExitId >= 0 ? _position.LastExitReason : default);
        if (!_batch.Faults.TryAdd(row))
            NextBatch().Faults.TryAdd(row);
    }

    public void OnWrite(in TableWrite record)
    {
        _position.LastSeq = record.Seq;
        if (!_batch.Writes.TryAdd(record))
            NextBatch().Writes.TryAdd(record);
    }

    public void OnTablePage(in TablePageRecord record)
    {
        _position.LastSeq = record.Seq;
        if (!_batch.Pages.TryAdd(record))
            NextBatch().Pages.TryAdd(record);
    }

    public void OnRoot(in RootRecord record)
    {
        _position.LastSeq = record.Seq;
        if (!_batch.Roots.TryAdd(record))
            NextBatch().Roots.TryAdd(record);
    }

    public void OnFlush(in TlbFlushRecord record)
    {
        _position.LastSeq = record.Seq;
        if (!_batch.Flushes.TryAdd(record))
            NextBatch().Flushes.TryAdd(record);
    }

    public void OnRmap(in RmapRecord record)
    {
        _position.LastSeq = record.Seq;
        _position.RmapChanges++;
        if (_storesRmap && !_batch.Rmaps.TryAdd(record))
            NextBatch().Rmaps.TryAdd(record);
    }

    public void OnGuestFault(in GuestFaultRecord record)
    {
        _position.LastSeq = record.Seq;
        if (!_batch.GuestFaults.TryAdd(record))
            NextBatch().GuestFaults.TryAdd(record);
    }

    public void OnNote(in ModelNoteRecord record)
    {
        if (!_batch.Notes.TryAdd(record))
            NextBatch().Notes.TryAdd(record);
    }

    public void OnAccess(in AccessRecord record)
    {
        if (!_batch.Accesses.TryAdd(record))
            NextBatch().Accesses.TryAdd(record);
    }

    public void OnGuestState(in GuestStateRecord record) => _batch.GuestStates.Add(record);

    public void OnGuestEntry(in GuestEntryRecord record)
    {
        if (!_batch.GuestEntries.TryAdd(record))
            NextBatch().GuestEntries.TryAdd(record);
    }

    /// <summary>
    /// The replay reached the end: stores the rest, and marks the run as complete, durably, once no other run of the file is still
    /// being written.
    /// </summary>
    /// <exception cref="StoreException">Something could not be written; the run stays incomplete.</exception>
    public void Complete(RunSummary summary)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        HandOver();
        _closed = true;
        _ingest.Invoke(() =>
        {
            _writer.WriteSummary(summary, _position.LastSeq, _position.RmapChanges);
            _file.CloseRun(Run, _writer, complete: true);
        });
    }

    /// <summary>Without <see cref="Complete"/> before it: stores what there is and leaves the run incomplete.</summary>
    public void Dispose()
    {
        if (!_closed)
        {
            _closed = true;
            HandOver();
            _ingest.Post(() => _file.CloseRun(Run, _writer, complete: false));
        }

        if (_ownsFile)
            _file.Dispose();
    }

    /// <summary>On the replay's thread: hands over what came since the last batch, and notes the position.</summary>
    internal void Save(RunState state)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        NextBatch();
        StateWriter.Write(state.Store, _position);
    }

    /// <summary>On the ingest thread, where everything handed over before is written.</summary>
    internal void SaveSums(RunState state) => _writer.Save(state.Sums);

    internal void Restore(RunState state) => StateReader.Fill(state.Store.Written, _position);

    private RecordBatch NextBatch()
    {
        _ingest.ThrowIfFailed();
        HandOver();
        _batch = _free.Take();
        return _batch;
    }

    private void HandOver()
    {
        var batch = _batch;
        _ingest.Post(() =>
        {
            try
            {
                if (_ingest.Failure is null)
                    _file.Write(_writer, batch);
            }
            finally
            {
                batch.Clear();
                _free.Add(batch);
            }
        });
    }
}
