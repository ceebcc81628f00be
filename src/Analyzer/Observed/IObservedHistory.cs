using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>Takes what a trace shows: the records of a history, and what only an observed run has.</summary>
public interface IObservedHistory : IHistory
{
    /// <summary>A fault ended.</summary>
    /// <param name="record">The fault.</param>
    /// <param name="endSeq">The last place in history that belongs to it.</param>
    /// <param name="exit">Reason of the exit it came from; 0 without one.</param>
    void OnFault(in FaultRecord record, long endSeq, ExitReason exit);

    /// <summary>Something happened to a table page whose role word is known only where the mask has bits.</summary>
    void OnTablePage(in TablePageRecord record, uint roleMask);

    /// <summary>A table page that was made before the trace shows it.</summary>
    void OnEarlierPage(in TablePageRecord record, uint roleMask);

    /// <summary>A line told more of a table page.</summary>
    void OnPageLearned(PageFacts facts);

    /// <summary>One event of the trace.</summary>
    /// <param name="trace">When, where and what.</param>
    /// <param name="fields">Its fields as JSON in UTF-8, where they are to be kept; otherwise empty.</param>
    void OnTraceEvent(in TraceEventRow trace, ReadOnlySpan<byte> fields);
}
