using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Layouts;

namespace Replay.Analyzer.Store;

/// <summary>
/// Where a run's faults were in guest-physical memory, in the order of history: for who must read millions of them. Read page by page, or by SQLite where the
/// file is of a form that is left to it.
/// </summary>
public sealed class FaultPlaces : IDisposable
{
    private const string FaultColumns = "ordinal, address";
    private const string AccessColumns = "ordinal, gpa";
    private const long NotKnown = -1;

    private readonly RowCursor _faults;
    private readonly RowCursor? _accesses;
    private readonly long _last;
    private bool _hasAccess;

    private FaultPlaces(string path, RunRow run, long after, long last, long firstFault)
    {
        _last = last;
        // Faults of a trace overlap, and their numbers need not ascend with the events.
        _faults = new RowCursor(
            run.Mode == "observed" ? null : TableScan.TryOpen(path, FaultLayout.Table, FaultColumns, run.Run, firstFault),
            path,
            FaultColumns.Split(", ").Length,
            $"SELECT {FaultColumns} FROM {FaultLayout.Table} WHERE run = ?1 AND ordinal > ?2 AND ordinal <= ?3 ORDER BY ordinal, seq",
            run.Run,
            after,
            last);
        // What faults in shadow paging is a guest-virtual address; where it is, the access says.
        if (run.Mode != "shadow")
            return;
        _accesses = new RowCursor(
            TableScan.TryOpen(path, AccessLayout.Table, AccessColumns, run.Run, after + 1, NotKnown),
            path,
            AccessColumns.Split(", ").Length,
            $"SELECT ordinal, coalesce(gpa, {NotKnown}) FROM {AccessLayout.Table} WHERE run = ?1 AND ordinal > ?2 AND ordinal <= ?3 ORDER BY ordinal",
            run.Run,
            after,
            last);
        _hasAccess = _accesses.TryNext();
    }

    public long Ordinal => _faults.Row[0];

    /// <summary>The guest-physical address; null: it is not known.</summary>
    public long? Gpa { get; private set; }

    /// <summary>Faults behind one event, up to another.</summary>
    /// <exception cref="StoreException">The database cannot be read.</exception>
    public static FaultPlaces Read(Database database, RunRow run, long after, long last)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(run);
        using var connection = NativeConnection.OpenRead(database.Path);
        var first = connection.QueryNumbers($"SELECT fault_id FROM {FaultLayout.Table} WHERE run = {run.Run} AND ordinal > {after} ORDER BY ordinal, seq LIMIT 1");
        return new FaultPlaces(database.Path, run, after, last, first is [var fault] ? fault : long.MaxValue);
    }

    /// <summary>Moves to the next fault; false: there is none.</summary>
    /// <exception cref="DatabaseFormatException">The file is damaged.</exception>
    public bool Next()
    {
        if (!_faults.TryNext() || Ordinal > _last)
            return false;
        if (_accesses is null)
        {
            Gpa = _faults.Row[1];
            return true;
        }

        while (_hasAccess && _accesses.Row[0] < Ordinal)
            _hasAccess = _accesses.TryNext();
        Gpa = _hasAccess && _accesses.Row[0] == Ordinal && _accesses.Row[1] != NotKnown ? _accesses.Row[1] : null;
        return true;
    }

    public void Dispose()
    {
        _faults.Dispose();
        _accesses?.Dispose();
    }
}
