using Replay.Analyzer.Store.Summaries;

namespace Replay.Analyzer.Store;

/// <summary>What a run's writer knows of all that it was given: what reports are made from, and how much it may still store.</summary>
internal sealed class RunSums(EntryClassifier entries, StoreOptions options)
{
    public RunReports Reports { get; } = new(entries);

    public RunCounters Counters { get; } = new(entries);

    public RowCap Cap { get; } = new(options);

    public void Count(RecordBatch batch)
    {
        Counters.Count(batch);
        Reports.Count(batch);
    }
}
