namespace Replay.Analyzer.Store.Summaries;

/// <summary>All that is counted while a run is stored, so that no report has to scan its history.</summary>
internal sealed class RunReports(EntryClassifier entries)
{
    private readonly OperationSummary _operations = new();
    private readonly ActivitySummary _activity = new();
    private readonly TableMemorySummary _memory = new();
    private readonly HotGfns _gfns = new(entries);
    private readonly RefaultSummary _refaults = new(entries);
    private readonly HotTables _tables = new();
    private readonly HotFaults _faults = new();
    private readonly GuestSummary _guests = new();

    public WriteSummary Writes { get; } = new(entries);

    public ExitSummary Exits { get; } = new();

    public void Count(RecordBatch batch)
    {
        Writes.Count(batch.Writes.Records);
        Exits.Count(batch);
        _operations.Count(batch);
        _activity.Count(batch);
        _memory.Count(batch.Pages.Records);
        _gfns.Count(batch.Writes.Records);
        _refaults.Count(batch.Writes.Records);
        _tables.Count(batch);
        _faults.Count(batch.Faults.Records);
        _guests.Count(batch);
    }

    public void Store(NativeConnection connection, int run)
    {
        Writes.Store(connection, run);
        Exits.Store(connection, run);
        _operations.Store(connection, run);
        // One width for both, so that they can be laid side by side.
        var shift = Math.Max(_activity.Shift, _memory.Shift);
        _activity.Store(connection, run, shift);
        _memory.Store(connection, run, shift);
        connection.Run("UPDATE _run SET stretch_shift = ? WHERE run = ?", shift, run);
        _gfns.Store(connection, run);
        _refaults.Store(connection, run);
        _tables.Store(connection, run);
        _faults.Store(connection, run);
        _guests.Store(connection, run);
    }
}
