using Replay.Analyzer.Observed;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <content>What observed runs store besides the records of a history.</content>
public sealed partial class HistoryStore : IObservedHistory
{
    void IObservedHistory.OnFault(in FaultRecord record, long endSeq, ExitReason exit)
    {
        _position.LastSeq = Math.Max(_position.LastSeq, endSeq);
        var row = new FaultRow(record, endSeq, exit);
        if (!_batch.Faults.TryAdd(row))
            NextBatch().Faults.TryAdd(row);
    }

    void IObservedHistory.OnTablePage(in TablePageRecord record, uint roleMask)
    {
        OnTablePage(record);
        if (roleMask != uint.MaxValue)
            _batch.Observed.RoleMasks.Add((record, roleMask));
    }

    void IObservedHistory.OnEarlierPage(in TablePageRecord record, uint roleMask) => _batch.Observed.EarlierPages.Add((record, roleMask));

    void IObservedHistory.OnPageLearned(PageFacts facts) => _batch.Observed.Facts.Add(facts);

    void IObservedHistory.OnTraceEvent(in TraceEventRow trace, ReadOnlySpan<byte> fields)
    {
        if (!_batch.Observed.Events.TryAdd(trace, fields))
            NextBatch().Observed.Events.TryAdd(trace, fields);
    }

    /// <summary>Which page tables the guest ran on. Before the run is complete.</summary>
    /// <exception cref="StoreException">Something could not be written; the run stays incomplete.</exception>
    public void StoreGuestCr3(IReadOnlyList<GuestCr3> loads) => _ingest.Invoke(() => _writer.Observed.WriteGuestCr3(loads));

    /// <summary>As <see cref="Complete"/>, of an observed run.</summary>
    /// <exception cref="StoreException">Something could not be written; the run stays incomplete.</exception>
    public void CompleteObserved(ObservedSummary summary)
    {
        _ingest.Invoke(() => _writer.Observed.WriteSummary(summary));
        Complete(summary.Run);
    }

    /// <summary>As <see cref="Complete"/>, of a run that was held against the trace that its capture was made of.</summary>
    /// <exception cref="StoreException">Something could not be written; the run stays incomplete.</exception>
    /// <param name="summary">The replay's figures.</param>
    /// <param name="origins">What each write of this run rests on.</param>
    /// <param name="observedRun">The run of the trace.</param>
    /// <param name="unmodelled">Writes of that run that this one does not have.</param>
    public void CompleteCompanion(
        RunSummary summary,
        IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> origins,
        int observedRun,
        IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> unmodelled)
    {
        ArgumentNullException.ThrowIfNull(origins);
        ArgumentNullException.ThrowIfNull(unmodelled);
        _ingest.Invoke(() =>
        {
            _writer.Observed.WriteOrigins(Run, origins);
            _writer.Observed.WriteOrigins(observedRun, unmodelled);
        });
        Complete(summary);
    }
}
