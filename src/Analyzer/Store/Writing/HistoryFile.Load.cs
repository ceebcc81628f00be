using Replay.Analyzer.Schema;
using Replay.Analyzer.Store.BTrees;
using Replay.Replayer;

namespace Replay.Analyzer.Store;

/// <content>
/// How a new database comes to its place. While its runs are written there is a partial one beside, and rows that do not go through SQLite on
/// a spool: see <see cref="BulkLoad"/>. When no run is being written any more, the whole one is made of both, and renamed. Nothing of
/// what the replay can go on from goes before that.
/// </content>
public sealed partial class HistoryFile
{
    private BulkLoad? _load;

    /// <summary>A trace's rows come in its own order, with gaps: SQLite takes them.</summary>
    private void BeginLoad(MmuMode mode)
    {
        Invariant.Holds(_load is null || mode != MmuMode.Observed, "an observed run begins while the tables are filled past SQLite");
        if (!_isNew || _engine != StoreEngine.Pages || _parts is { AreOnly: true } || mode == MmuMode.Observed || _load is not null || _open.Count > 0)
            return;
        Commit();
        if (!BulkLoad.AreEmpty(_connection))
            return;
        _load = BulkLoad.Begin(_connection, _place.Partial);
        _connection.Execute(SmallCache);
    }

    /// <summary>Makes the database whole, with what its runs have, and gives it its name.</summary>
    private void Place()
    {
        CommitWithoutCheckpoint();
        _connection.Dispose();
        _place.CheckReplaced();
        var isComplete = _finished.Count > 0;
        if (_load is null)
        {
            Finish(_place.Partial);
            _place.Finish();
        }
        else
        {
            File.Copy(_place.Partial, _place.Whole, overwrite: true);
            _load.Build(_place.Whole, Finish(_place.Whole), isComplete);
            _load.Dispose();
            _load = null;
            _place.DropPartial();
        }

        _place.Put();
        _isNew = false;
        _checkpoint = 0;
        _isPastCheckpoint = false;
        _finished.Clear();
    }

    /// <summary>What SQLite has to do at the end, in one transaction.</summary>
    /// <returns>Where the roots of tables and indexes are.</returns>
    private Dictionary<string, uint> Finish(string path)
    {
        using var connection = NativeConnection.Open(path, create: false);
        connection.Execute("PRAGMA synchronous = OFF");
        connection.Execute(SortCache);
        connection.Execute("BEGIN EXCLUSIVE");
        if (_finished.Count > 0)
            connection.Execute(SqlFiles.Indexes.Text);
        MarkComplete(connection);
        connection.Execute("COMMIT");
        return connection.QueryTexts("SELECT name FROM sqlite_schema WHERE rootpage > 0").ToDictionary(
            name => name, name => (uint)connection.QueryInt64("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0 AND name = ?", name), StringComparer.Ordinal);
    }

    /// <summary>
    /// No run became complete. What a checkpoint can go on from stays beside; other runs are put in their place as far as they came, unless
    /// there is a database already.
    /// </summary>
    private void GiveUp()
    {
        var isKept = _checkpoint != 0 && !_isPastCheckpoint;
        try
        {
            if (_ingest.Failure is null && !isKept && !_isWithdrawn && _hasRuns && !File.Exists(_path))
                Place();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            // The runs were given up for another reason, which is told.
        }

        // Closing rolls back what a failure left open.
        _connection.Dispose();
        _load?.Dispose();
        _place.GiveUp(keepPartial: _checkpoint != 0);
    }
}
