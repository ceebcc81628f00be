using System.Diagnostics;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store.BTrees;
using Replay.Replayer;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store;

/// <content>
/// Checkpoints. The state of the replays goes to a file of its own; the transaction that holds all rows up to there also names that
/// file. So whenever the process dies, the last checkpoint that the database names has its file, and the database has no row beyond.
/// </content>
public sealed partial class HistoryFile
{
    private readonly ManualResetEventSlim _saved = new(initialState: true);
    private readonly StateBuffer _loadState = new();
    private readonly StateBuffer _partsState = new();
    private List<RunState> _states = [];
    private long _checkpoint;

    /// <summary>A run was given up with rows that the checkpoint does not know: once they are in the database, it is of no use.</summary>
    private bool _isPastCheckpoint;

    /// <summary>A partial database was of no use.</summary>
    private bool _startsAnew;

    /// <summary>The file that SQLite writes.</summary>
    private string Written => _isNew ? _place.Partial : _path;

    /// <summary>A checkpoint is still being written: another one now would wait for it.</summary>
    public bool IsSaving => !_saved.IsSet;

    /// <summary>Time that the last checkpoint took, in the replay's thread and in the one that stores. Not while <see cref="IsSaving"/>.</summary>
    public TimeSpan LastSaveTime { get; private set; }

    /// <summary>Saves where the runs are, so that <see cref="TryResume"/> can go on from here. Returns while the disk is still busy.</summary>
    /// <param name="accesses">Accesses replayed so far.</param>
    /// <param name="stores">All runs being written.</param>
    /// <param name="sessions">Their replays, between two chunks and at the same place.</param>
    /// <exception cref="StoreException">Something could not be written.</exception>
    public void Save(long accesses, IReadOnlyList<HistoryStore> stores, IReadOnlyList<ReplaySession> sessions)
    {
        ArgumentNullException.ThrowIfNull(stores);
        ArgumentNullException.ThrowIfNull(sessions);
        _saved.Wait();
        _ingest.ThrowIfFailed();
        _saved.Reset();
        var began = Stopwatch.GetTimestamp();
        if (_states.Count != stores.Count)
            _states = [.. stores.Select(store => new RunState { Run = store.Run })];
        for (var i = 0; i < stores.Count; i++)
        {
            _states[i].Clear();
            sessions[i].Save(_states[i].Session);
            stores[i].Save(_states[i]);
        }

        var ordinal = sessions[0].Progress.Ordinal;
        var took = Stopwatch.GetElapsedTime(began);
        _ingest.Post(() =>
        {
            var continued = Stopwatch.GetTimestamp();
            try
            {
                if (_ingest.Failure is null)
                    Save(ordinal, accesses, stores);
            }
            finally
            {
                LastSaveTime = took + Stopwatch.GetElapsedTime(continued);
                _saved.Set();
            }
        });
    }

    /// <summary>Goes on with the runs that were being written when the file was last in use.</summary>
    /// <param name="runs">The runs as they would be begun now.</param>
    /// <param name="options">As they would be stored now.</param>
    /// <param name="resumption">Where they are.</param>
    /// <exception cref="StoreException">The unfinished runs are others.</exception>
    public ResumeOutcome TryResume(IReadOnlyList<RunInfo> runs, StoreOptions options, out Resumption? resumption)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var outcome = ResumeOutcome.Nothing;
        Resumption? found = null;
        _ingest.Invoke(() => (outcome, found) = Resume(runs, options));
        resumption = found;
        return outcome;
    }

    private void Save(long ordinal, long accesses, IReadOnlyList<HistoryStore> stores)
    {
        for (var i = 0; i < stores.Count; i++)
            stores[i].SaveSums(_states[i]);
        var previous = _checkpoint;
        var checkpoint = new Checkpoint(previous + 1, ordinal, accesses);
        _loadState.Clear();
        _partsState.Clear();
        _parts?.Save(_partsState);
        _loadState.Write(_partsState.Length);
        _loadState.Write(_partsState.Written);
        _load?.Save(_loadState);
        CheckpointFile.Write(Written, checkpoint, new CheckpointState(_states, _loadState), durable: !_isNew);
        Begin();
        _runs.SetCheckpoint(checkpoint);
        Commit();
        _checkpoint = checkpoint.Number;
        File.Delete(CheckpointFile.PathOf(Written, previous));
    }

    private (ResumeOutcome Outcome, Resumption? Resumption) Resume(IReadOnlyList<RunInfo> infos, StoreOptions options)
    {
        EnsureOpen();
        if (_startsAnew)
            return (ResumeOutcome.StartsAnew, null);
        var unfinished = _runs.Incomplete();
        if (unfinished.Count == 0)
        {
            CheckpointFile.Sweep(Written);
            return (infos.All(info => _runs.CompleteLike(info, options) > 0) ? ResumeOutcome.Complete : ResumeOutcome.Nothing, null);
        }

        var checkpoint = _runs.LastCheckpoint();
        var saved = checkpoint is null ? null : CheckpointFile.TryRead(Written, checkpoint);
        var runs = Like(unfinished, infos, options);
        if (runs.Count == 0 && (saved is not null || !_isNew))
        {
            throw new StoreException(
                $"{_path}: what is unfinished there ({string.Join(", ", unfinished.Select(_runs.NameOf))}) is of another capture, mode, host or option. Give the same as then, or --force to begin anew.");
        }

        if (saved is null || runs.Count < infos.Count || !saved.Runs.Select(state => state.Run).SequenceEqual(runs) || !TryResumeLoad(saved))
        {
            StartAnew(runs);
            return (ResumeOutcome.StartsAnew, null);
        }

        _states = saved.Runs;
        _checkpoint = checkpoint!.Number;
        _hasRuns = true;
        return (ResumeOutcome.Resumed, new Resumption(checkpoint, [.. _states.Zip(infos).Select(pair => Reopen(pair.First, pair.Second, options))], _states));
    }

    /// <summary>False: the rows are no longer what they were.</summary>
    private bool TryResumeLoad(CheckpointState saved)
    {
        try
        {
            var state = saved.Load.Written;
            var length = new StateCursor(state).Read<int>();
            if (length > 0 != _parts is not null)
                return false;
            var parts = new StateCursor(state.Slice(sizeof(int), length));
            _parts?.Resume(_connection, ref parts);
            _load = _isNew ? BulkLoad.Resume(_connection, Written, state[(sizeof(int) + length)..]) : null;
            return true;
        }
        catch (StoreException)
        {
            return false;
        }
    }

    private void StartAnew(List<int> runs)
    {
        if (_isNew)
        {
            _connection.Dispose();
            _place.Sweep();
            _connection.Reopen(_place.Partial, create: true);
            OpenNew(_connection);
            return;
        }

        Begin();
        foreach (var run in runs)
            _runs.Drop(run);
        ForgetCheckpoint();
        Commit();
    }

    /// <summary>Null: nothing can go on from it.</summary>
    private static NativeConnection? TryOpenPartial(string path)
    {
        NativeConnection? connection = null;
        try
        {
            connection = NativeConnection.Open(path, create: false);
            if (connection.QueryInt64("PRAGMA user_version") == DatabaseSchema.Version
                && (new StoredRuns(connection).LastCheckpoint() is not null || connection.QueryInt64("SELECT EXISTS (SELECT 1 FROM _run WHERE complete)") != 0))
            {
                return Prepare(connection, "OFF", DatabaseSchema.Version);
            }
        }
        catch (StoreException)
        {
            // Killed while it was made, or damaged since.
        }

        connection?.Dispose();
        return null;
    }

    /// <summary>The latest unfinished runs that are the wanted ones; fewer, where the process died before it had begun them all.</summary>
    private List<int> Like(List<int> unfinished, IReadOnlyList<RunInfo> infos, StoreOptions options)
    {
        for (var count = infos.Count; count > 0; count--)
        {
            var runs = unfinished.TakeLast(count).ToList();
            if (runs.Count == count && runs.Zip(infos).All(pair => _runs.IsLike(pair.First, pair.Second, options)))
                return runs;
        }

        return [];
    }

    private HistoryStore Reopen(RunState state, RunInfo info, StoreOptions options)
    {
        var writer = new RunWriter(_connection, state.Run, info.Entries ?? EntryClassifier.For(info.Mode), options, _load, _parts?.Of(state.Run), _parts?.AreOnly ?? false);
        writer.Restore(state.Sums.Written);
        _open.Add(state.Run);
        var store = new HistoryStore(this, ownsFile: false, _ingest, writer, state.Run, _runs.NameOf(state.Run), options);
        store.Restore(state);
        return store;
    }

    /// <summary>Commits, and with that forgets a checkpoint that rows have gone past; its file goes after the transaction is through.</summary>
    private void CommitWithoutCheckpoint()
    {
        if (_isPastCheckpoint)
            _runs.SetCheckpoint(null);
        Commit();
        if (!_isPastCheckpoint)
            return;
        CheckpointFile.Sweep(Written);
        _checkpoint = 0;
        _isPastCheckpoint = false;
    }

    /// <summary>Within a transaction: what is in the database now is beyond the checkpoint, or of other runs.</summary>
    private void ForgetCheckpoint()
    {
        _runs.SetCheckpoint(null);
        CheckpointFile.Sweep(Written);
        _checkpoint = 0;
    }
}
