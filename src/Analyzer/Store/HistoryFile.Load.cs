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
        if (_load is not null || _open.Count > 0 || _durable || mode == MmuMode.Observed)
            return;
        Commit();
        _load = BulkLoad.TryBegin(_connection, _path);
    }

    /// <summary>Builds the trees of what was loaded; null: SQLite has the rows already. The connection is another one afterwards.</summary>
    private RootSwap? BuildLoad(bool withIndexes)
    {
        if (_load is null)
            return null;
        Commit();
        var trees = _load.Build(_connection, withIndexes);
        _connection.Reopen();
        _connection.Execute(Lock);
        _connection.Execute("PRAGMA synchronous = OFF");
        _connection.Execute(LoadCache);
        return trees;
    }

    /// <summary>No run became complete: what there is of them can be read, and <see cref="TryResume"/> has SQLite add to it.</summary>
    private void FinishLoad()
    {
        if (BuildLoad(withIndexes: false) is not { } trees)
            return;
        Begin();
        trees.Apply(_connection);
        Commit();
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
