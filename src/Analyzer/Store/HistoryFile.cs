using System.Text.Json;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store.BTrees;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>
/// A database that runs are being written to. Several may be written at once: their batches queue for one thread.
/// </summary>
/// <remarks>
/// What a reader can rely on, whenever the process or the machine dies:
/// a run is inserted as incomplete and marked complete by the very transaction that makes the indexes, after everything else is on
/// disk (that transaction runs with synchronous=FULL, whose fsync of the file covers the pages written before). A new file is loaded
/// with synchronous=OFF, most of it past SQLite: a killed process costs the rows, unless it is resumed, a power cut may cost the file, but
/// never makes it look complete. As soon as a file holds a complete run everything runs with synchronous=FULL, so that run cannot be harmed.
/// </remarks>
public sealed partial class HistoryFile : IDisposable
{
    private const int RowsPerTransaction = 250_000;

    /// <summary>SQLite sorts in memory of this size. Larger is slower: the sort no longer fits the CPU's caches.</summary>
    private const string SortCache = "PRAGMA cache_size = -8000";

    private const string LoadCache = "PRAGMA cache_size = -65536";

    private const string Lock = "PRAGMA locking_mode = EXCLUSIVE";

    private readonly string _path;
    private readonly NativeConnection _connection;
    private readonly IngestThread _ingest;
    private readonly StoredRuns _runs;
    private readonly List<int> _open = [];
    private readonly List<int> _finished = [];
    private int _rowsInTransaction;
    private bool _inTransaction;
    private bool _durable;

    private HistoryFile(NativeConnection connection, string path)
    {
        _path = path;
        _connection = connection;
        _runs = new StoredRuns(connection);
        _ingest = new IngestThread($"ingest {Path.GetFileName(path)}");
    }

    /// <summary>Makes a new database.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace an existing Replay database. Other files are never replaced.</param>
    /// <exception cref="DatabaseExistsException">The file is there and may not be overwritten.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryFile Create(string path, bool overwrite = false)
    {
        DatabaseFile.MakeRoom(path, overwrite);
        return Open(path, create: true, from: 0);
    }

    /// <summary>Opens a database to add runs to it, and brings it to this tool's schema.</summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    /// <exception cref="DatabaseFormatException">It is no Replay database, or one of a newer schema.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryFile Append(string path) => Open(path, create: false, from: DatabaseFile.CheckSchema(path, allowOlder: true));

    /// <summary>Inserts the row of a run and returns where its history goes.</summary>
    /// <exception cref="StoreException">The name is taken, or the database cannot be written.</exception>
    public HistoryStore BeginRun(RunInfo info, StoreOptions? options = null) => BeginRun(info, options, ownsFile: false);

    public void Dispose()
    {
        _ingest.Dispose();
        // Closing rolls back what a failure left open.
        _connection.Dispose();
        GiveUpLoad();
        _saved.Dispose();
    }

    internal HistoryStore BeginRun(RunInfo info, StoreOptions? options, bool ownsFile)
    {
        options ??= StoreOptions.Default;
        var entries = info.Entries ?? EntryClassifier.For(info.Mode);
        var run = 0;
        string? name = null;
        RunWriter? writer = null;
        try
        {
            _ingest.Invoke(() =>
            {
                name = ChooseName(info);
                if (name is null)
                    return;
                BeginLoad(info.Mode);
                Begin();
                if (_checkpoint == 0)
                    ForgetCheckpoint();
                run = InsertRun(info, name, entries, options);
                Commit();
                writer = new RunWriter(_connection, run, entries, options, _load);
                writer.InsertChain(new ChainRow(0, KvmFunction.None, 0, KvmFunction.None.KernelName()));
                _open.Add(run);
            });
            if (name is null)
                throw new StoreException($"{_path}: has a run named '{info.Name}' already. Choose another name.");
        }
        catch when (ownsFile)
        {
            Dispose();
            throw;
        }

        return new HistoryStore(this, ownsFile, _ingest, writer!, run, name, options);
    }

    /// <summary>On the ingest thread.</summary>
    internal void Write(RunWriter writer, RecordBatch batch)
    {
        Begin();
        writer.Write(batch);
        _rowsInTransaction += batch.Count;
        // From the first checkpoint on, rows and checkpoint appear together or not at all.
        if (_rowsInTransaction >= RowsPerTransaction && _checkpoint == 0)
            Commit();
    }

    /// <summary>On the ingest thread. The last run to be closed makes the complete ones complete.</summary>
    internal void CloseRun(int run, RunWriter writer, bool complete)
    {
        writer.Dispose();
        _open.Remove(run);
        if (_ingest.Failure is not null)
            return;
        _isPastCheckpoint |= !complete && _checkpoint != 0 && _rowsInTransaction > 0;
        if (_load is null)
            CommitWithoutCheckpoint();
        else
            Commit();
        if (complete)
            _finished.Add(run);
        if (_open.Count > 0)
            return;
        if (_finished.Count > 0)
            MarkComplete();
        else
            FinishLoad();
    }

    private static HistoryFile Open(string path, bool create, int from)
    {
        var connection = NativeConnection.Open(path, create);
        try
        {
            BulkLoad.TakeBack(connection, path);
            connection.Execute(Lock);
            connection.Execute("PRAGMA synchronous = FULL");
            connection.Execute("BEGIN EXCLUSIVE");
            if (from < DatabaseSchema.Version)
            {
                foreach (var statement in DatabaseSchema.Upgrade(from))
                    connection.Execute(statement);
            }

            foreach (var function in Enum.GetValues<KvmFunction>())
                connection.Run("INSERT OR IGNORE INTO _function (function, name) VALUES (?, ?)", (int)function, function.KernelName());
            connection.Execute("COMMIT");
            connection.Execute(LoadCache);
            var durable = connection.QueryInt64("SELECT count(*) FROM _run WHERE complete") > 0;
            if (!durable)
                connection.Execute("PRAGMA synchronous = OFF");
            return new HistoryFile(connection, path) { _durable = durable };
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Begin()
    {
        if (_inTransaction)
            return;
        _connection.Execute("BEGIN");
        _inTransaction = true;
    }

    private void Commit()
    {
        if (!_inTransaction)
            return;
        _connection.Execute("COMMIT");
        _inTransaction = false;
        _rowsInTransaction = 0;
    }

    private void MarkComplete()
    {
        if (_load is null)
            MakeIndexes();
        else
            PlaceLoad(complete: true);
        foreach (var run in _finished)
            _connection.Run("UPDATE _run SET complete = 1 WHERE run = ?", run);
        _runs.SetCheckpoint(null);
        Commit();
        if (_checkpoint != 0)
            CheckpointFile.Sweep(_path);
        _checkpoint = 0;
        _isPastCheckpoint = false;
        _durable = true;
        EndLoad();
        _connection.Execute(LoadCache);
        _finished.Clear();
    }

    /// <summary>Over rows that SQLite has, in a transaction that stays open.</summary>
    private void MakeIndexes()
    {
        _connection.Execute("PRAGMA synchronous = FULL");
        _connection.Execute(SortCache);
        Begin();
        _connection.Execute(SqlFiles.Indexes.Text);
    }

    /// <summary>Null: the name asked for is taken.</summary>
    private string? ChooseName(RunInfo info)
    {
        var wanted = info.Name ?? info.Mode.Name();
        if (!IsTaken(wanted))
            return wanted;
        if (info.Name is not null)
            return null;
        var number = 2;
        while (IsTaken($"{wanted}-{number}"))
            number++;
        return $"{wanted}-{number}";
    }

    private bool IsTaken(string name) => _connection.QueryInt64("SELECT count(*) FROM _run WHERE name = ?", name) > 0;

    private int InsertRun(RunInfo info, string name, EntryClassifier entries, StoreOptions options)
    {
        var run = (int)_connection.QueryInt64("SELECT max(run) FROM _run") + 1;
        _connection.Run(
            "INSERT INTO _run (run, name, mode, entry_format, capture, capture_hash, capture_source, capture_complete, capture_filter, capture_blind, profile, backing, "
            + "kernel, tool, model, options, detail, has_rmap, mmio_mask, mmio_value, max_rows) "
            + "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run,
            name,
            info.Mode.Name(),
            entries.IsEpt ? "ept" : "x86",
            info.Capture,
            info.CaptureHash,
            info.CaptureSource,
            info.CaptureComplete,
            info.CaptureFilter is null ? null : JsonSerializer.Serialize(info.CaptureFilter),
            JsonSerializer.Serialize(info.CaptureBlind),
            info.Profile,
            info.Backing,
            info.Kernel,
            info.Tool,
            info.Model,
            StoredRuns.OptionsText(info),
            StoredRuns.DetailText(options),
            options.Rmap,
            entries.MmioMask,
            entries.MmioValue,
            options.MaxRows);
        return run;
    }
}
