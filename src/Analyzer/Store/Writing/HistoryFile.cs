using System.Text.Json;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store.Parts;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>
/// A database that runs are being written to. Several may be written at once: their batches queue for one thread.
/// </summary>
/// <remarks>
/// A new database is made aside and appears under its name when it is whole: see <see cref="DatabasePlace"/>. Until then there is nothing, or
/// the old one, which can be read all the time. Runs are added to a database by SQLite alone, with synchronous=FULL, so that what is
/// there cannot be harmed; an added run is inserted as incomplete and marked complete by its last transaction.
/// </remarks>
public sealed partial class HistoryFile : IDisposable
{
    private const int RowsPerTransaction = 250_000;

    /// <summary>SQLite sorts in memory of this size. Larger is slower: the sort no longer fits the CPU's caches.</summary>
    private const string SortCache = "PRAGMA cache_size = -8000";

    private const string LoadCache = "PRAGMA cache_size = -65536";

    /// <summary>Where rows of records go past SQLite, it has the small tables alone.</summary>
    private const string SmallCache = "PRAGMA cache_size = -16384";

    private readonly DatabasePlace _place;
    private readonly string _path;
    private readonly StoreEngine _engine;
    private readonly HistoryParts? _parts;
    private readonly NativeConnection _connection;
    private readonly IngestThread _ingest;
    private readonly StoredRuns _runs;
    private readonly List<int> _open = [];
    private readonly List<int> _finished = [];
    private int _rowsInTransaction;
    private bool _inTransaction;
    private bool _isNew;
    private bool _hasRuns;
    private volatile bool _isWithdrawn;

    private HistoryFile(DatabasePlace place, StoreEngine engine, bool isNew, NativeConnection connection, HistoryParts? parts)
    {
        _parts = parts;
        _place = place;
        _path = place.Path;
        _engine = engine;
        _isNew = isNew;
        _connection = connection;
        _runs = new StoredRuns(connection);
        _ingest = new IngestThread($"ingest {Path.GetFileName(_path)}");
    }

    /// <summary>Makes a new database, which appears when its runs are complete.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Replace an existing Replay database by it then. Other files are never replaced.</param>
    /// <param name="engine">Who puts the rows into it.</param>
    /// <param name="parts">Gets the rows of records as well, or alone.</param>
    /// <exception cref="DatabaseExistsException">The file is there and may not be overwritten.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryFile Create(string path, bool overwrite = false, StoreEngine engine = StoreEngine.Pages, HistoryParts? parts = null)
    {
        DatabaseFile.CheckRoom(path, overwrite);
        return Open(DatabasePlace.Take(path), place =>
        {
            place.Clear(overwrite);
            return New(place, engine, parts);
        });
    }

    /// <summary>Opens a database to add runs to it, and brings it to this tool's schema.</summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    /// <exception cref="DatabaseFormatException">It is no Replay database, or one of a newer schema.</exception>
    /// <exception cref="StoreException">It cannot be written.</exception>
    public static HistoryFile Append(string path, HistoryParts? parts = null)
    {
        DatabaseFile.CheckSchema(path, allowOlder: true);
        return Open(DatabasePlace.Take(path), place => Existing(place, parts));
    }

    /// <summary>Opens what a run was written to that was cut off: a new database, or one that it was added to. Where there is neither, makes one.</summary>
    /// <exception cref="DatabaseFormatException">The file is there and is no Replay database, or one of a newer schema.</exception>
    /// <exception cref="StoreException">It cannot be written, or is not the one that was to be replaced.</exception>
    public static HistoryFile Resume(string path, StoreEngine engine = StoreEngine.Pages, HistoryParts? parts = null) => Open(DatabasePlace.Take(path), place =>
    {
        if (!place.HasPartial && File.Exists(path))
            return Existing(place, parts);
        if (!place.HasPartial)
        {
            place.Clear(overwrite: false);
            return New(place, engine, parts);
        }

        place.CheckReplaced();
        if (TryOpenPartial(place.Partial) is { } connection)
        {
            var file = new HistoryFile(place, engine, isNew: true, connection, parts);
            if (file._runs.Incomplete().Count > 0)
                return file;
            // Killed between its last transaction and its new name.
            connection.Dispose();
            place.Finish();
            place.Put();
            file._isNew = false;
            return file;
        }

        place.Clear(overwrite: true);
        var anew = New(place, engine, parts);
        anew._startsAnew = true;
        return anew;
    });

    /// <summary>A database is being made there, or its making was cut off. One that is there already is still the old one.</summary>
    public static bool IsUnfinished(string path) => DatabasePlace.IsUnfinished(path);

    /// <summary>Inserts the row of a run and returns where its history goes.</summary>
    /// <exception cref="StoreException">The name is taken, or the database cannot be written.</exception>
    public HistoryStore BeginRun(RunInfo info, StoreOptions? options = null) => BeginRun(info, options, ownsFile: false);

    /// <summary>
    /// Takes back the runs that are being written: what they are made of was refused. When they are closed nothing of them stays, and where a
    /// database was to be made of them there is none, or the old one.
    /// </summary>
    public void Withdraw() => _isWithdrawn = true;

    public void Dispose()
    {
        _ingest.Dispose();
        if (_isNew)
            GiveUp();
        _connection.Dispose();
        _saved.Dispose();
        _place.Dispose();
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
                EnsureOpen();
                name = ChooseName(info);
                if (name is null)
                    return;
                BeginLoad(info.Mode);
                Begin();
                if (_checkpoint == 0)
                    ForgetCheckpoint();
                run = InsertRun(info, name, entries, options);
                Commit();
                writer = new RunWriter(_connection, run, entries, options, _load, _parts?.Begin(_connection, run), _parts?.AreOnly ?? false);
                writer.InsertChain(new ChainRow(0, KvmFunction.None, 0, KvmFunction.None.KernelName()));
                _open.Add(run);
                _hasRuns = true;
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
        if (complete)
            writer.EndParts();
        writer.Dispose();
        _open.Remove(run);
        if (_ingest.Failure is not null)
            return;
        _isPastCheckpoint |= !complete && _checkpoint != 0 && _rowsInTransaction > 0;
        if (complete)
            _finished.Add(run);
        else if (_isWithdrawn)
            _runs.Drop(run);
        if (_isNew)
        {
            if (_open.Count == 0 && _finished.Count > 0)
                Place();
            return;
        }

        CommitWithoutCheckpoint();
        if (_open.Count == 0 && _finished.Count > 0)
            CompleteAdded();
    }

    private static HistoryFile Open(DatabasePlace place, Func<DatabasePlace, HistoryFile> open)
    {
        try
        {
            return open(place);
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    private static HistoryFile New(DatabasePlace place, StoreEngine engine, HistoryParts? parts)
    {
        try
        {
            return new HistoryFile(place, engine, isNew: true, OpenNew(NativeConnection.Open(place.Partial, create: true)), parts);
        }
        catch
        {
            place.Sweep();
            throw;
        }
    }

    private static HistoryFile Existing(DatabasePlace place, HistoryParts? parts)
    {
        var from = DatabaseFile.CheckSchema(place.Path, allowOlder: true);
        return new HistoryFile(place, StoreEngine.Sqlite, isNew: false, Prepare(NativeConnection.Open(place.Path, create: false), "FULL", from), parts);
    }

    private static NativeConnection OpenNew(NativeConnection connection) => Prepare(connection, "OFF", from: 0);

    private static NativeConnection Prepare(NativeConnection connection, string synchronous, int from)
    {
        try
        {
            connection.Execute("PRAGMA locking_mode = EXCLUSIVE");
            connection.Execute($"PRAGMA synchronous = {synchronous}");
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
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>A new database has its name by now: what is added to it goes there.</summary>
    private void EnsureOpen()
    {
        if (_connection.IsOpen)
            return;
        _connection.Reopen(_path);
        Prepare(_connection, "FULL", DatabaseSchema.Version);
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

    private void CompleteAdded()
    {
        _connection.Execute(SortCache);
        Begin();
        _connection.Execute(SqlFiles.Indexes.Text);
        MarkComplete(_connection);
        Commit();
        _connection.Execute(LoadCache);
        if (_checkpoint != 0)
            CheckpointFile.Sweep(_path);
        _checkpoint = 0;
        _isPastCheckpoint = false;
        _finished.Clear();
    }

    private void MarkComplete(NativeConnection connection)
    {
        foreach (var run in _finished)
            connection.Run("UPDATE _run SET complete = 1 WHERE run = ?", run);
        new StoredRuns(connection).SetCheckpoint(null);
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
