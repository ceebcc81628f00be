using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Recorder.Ftrace;

namespace Replay.Cli.Importing;

/// <summary>Reads a trace into an observed history.</summary>
internal static class TraceImport
{
    /// <summary>Version of the import: raised when the same trace gives another history.</summary>
    public const string Version = "import 1";

    /// <param name="input">The trace, from its beginning.</param>
    /// <param name="plan">How to read it.</param>
    /// <param name="history">Where it goes.</param>
    /// <param name="problems">Hears of damaged lines.</param>
    /// <param name="progress">Bytes of text and events so far.</param>
    /// <param name="cancellation">Ends it early.</param>
    public static (FtraceSummary Trace, ObservedSummary Observed) Run(
        FtraceInput input,
        ImportPlan plan,
        IObservedHistory history,
        IFtraceProblems problems,
        Action<long, long> progress,
        CancellationToken cancellation)
    {
        var mapper = new ObservedTraceMapper(history, plan.Host, plan.Outlook, plan.Kept, plan.Pids.Count == 0 ? null : plan.Pids);
        var trace = FtraceReader.Read(input.Text, mapper, new NotedProblems(problems, mapper), progress, cancellation);
        mapper.Finish();
        return (trace, Summarize(plan, trace, mapper, input.Hash()));
    }

    private static ObservedSummary Summarize(ImportPlan plan, FtraceSummary trace, ObservedTraceMapper mapper, string hash)
    {
        var options = plan.Options();
        options["lines"] = $"{trace.Lines}";
        options["lost_events"] = $"{trace.LostEvents}";
        options["loss_markers"] = $"{trace.LossMarkers}";
        options["damaged_lines"] = $"{trace.DamagedLines}";
        options["unreadable_events"] = $"{trace.UnreadableEvents}";
        options["truncated"] = trace.Truncated ? "yes" : "no";
        return new ObservedSummary
        {
            Run = new RunSummary
            {
                HistoryHash = mapper.Hash,
                FirstOrdinal = 0,
                LastOrdinal = Math.Max(0, trace.Events - 1),
                Events = trace.Events,
                NoteCounts = mapper.NoteCounts,
                Counters =
                [
                    new Counter("trace_events", trace.Events, "rows of observed_event"),
                    new Counter("trace_events_lost", trace.LostEvents, "events that the tracer says it lost, where it says how many"),
                    new Counter("trace_events_skipped", mapper.Skipped, "events of threads that --pid left out"),
                ],
            },
            TraceHash = hash,
            TraceComplete = trace is { Truncated: false, LossMarkers: 0 },
            Options = options,
            Names = mapper.Names,
            Tasks = mapper.Tasks,
            Capabilities = mapper.Capabilities,
        };
    }

    private sealed class NotedProblems(IFtraceProblems problems, ObservedTraceMapper mapper) : IFtraceProblems
    {
        public void OnDamaged(long line, string what, string text)
        {
            mapper.OnDamaged(line);
            problems.OnDamaged(line, what, text);
        }
    }
}
