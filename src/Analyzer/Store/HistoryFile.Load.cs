using Replay.Analyzer.Store.BTrees;
using Replay.Replayer;

namespace Replay.Analyzer.Store;

/// <content>
/// Where the tables of records are empty, their rows do not go through SQLite: see <see cref="BulkLoad"/>. They are in the database once no
/// run is being written any more. A process that is killed before leaves a database with runs but no rows of them, and the checkpoint, if
/// there was one, from which <see cref="TryResume"/> goes on.
/// </content>
public sealed partial class HistoryFile
{
    private BulkLoad? _load;

    /// <summary>A trace's rows come in its own order, with gaps: SQLite takes them. So it does where a complete run must not be harmed.</summary>
    private void BeginLoad(MmuMode mode)
    {
        Invariant.Holds(_load is null || mode != MmuMode.Observed, "an observed run begins while the tables are filled past SQLite");
        if (_load is not null || _open.Count > 0)
            return;
        BulkLoad.Sweep(_path);
        if (_durable || mode == MmuMode.Observed)
            return;
        Commit();
        _load = BulkLoad.TryBegin(_connection, _path);
    }

    /// <summary>Builds the trees of what was loaded and puts them in their places, in a transaction that stays open.</summary>
    private void PlaceLoad(bool complete)
    {
        Commit();
        var trees = _load!.Build(_connection, withIndexes: complete);
        _connection.Reopen();
        _connection.Execute(Lock);
        _connection.Execute(complete ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
        // For a moment the file was free: whoever reads it now is waited for.
        _connection.Execute("PRAGMA busy_timeout = 60000");
        _connection.Execute("BEGIN EXCLUSIVE");
        _inTransaction = true;
        if (!BulkLoad.AreEmpty(_connection))
            throw new StoreException($"{_path}: another process has written to it meanwhile. Run the capture again, with --force or into another database.");
        trees.Apply(_connection);
    }

    /// <summary>No run became complete: what there is of them can be read, and <see cref="TryResume"/> has SQLite add to it.</summary>
    private void FinishLoad()
    {
        if (_load is null)
            return;
        PlaceLoad(complete: false);
        CommitWithoutCheckpoint();
        _connection.Execute(LoadCache);
        EndLoad();
    }

    /// <summary>The rows are in the database.</summary>
    private void EndLoad()
    {
        _load?.Finish();
        _load = null;
    }

    /// <summary>Something failed. What a checkpoint needs is kept.</summary>
    private void GiveUpLoad()
    {
        if (_checkpoint != 0)
            _load?.Dispose();
        else
            EndLoad();
    }
}
