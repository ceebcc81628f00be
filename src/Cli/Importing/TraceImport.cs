using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Recorder;
using Replay.Recorder.Ftrace;
using Replay.Trace.Tracepoints;

namespace Replay.Cli.Importing;

/// <summary>Reads a trace into an observed history.</summary>
internal static class TraceImport
{
    /// <summary>Version of the import: raised when the same trace gives another history.</summary>
    public const string Version = "import 4";

    /// <param name="input">The trace, from its beginning.</param>
    /// <param name="plan">How to read it.</param>
    /// <param name="histories">Where it goes: the one history, or one for each VM of the plan.</param>
    /// <param name="problems">Hears of damaged lines.</param>
    /// <param name="progress">Bytes of text and events so far.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>What was read, and of each history.</returns>
    public static (FtraceSummary Trace, IReadOnlyList<ObservedSummary> Observed) Run(
        FtraceInput input,
        ImportPlan plan,
        IReadOnlyList<IObservedHistory> histories,
        IFtraceProblems problems,
        Action<long, long> progress,
        CancellationToken cancellation)
    {
        var mappers = histories.Select(history => new ObservedTraceMapper(history, plan.Host, plan.Outlook, plan.Kept, plan.Pids.Count == 0 ? null : plan.Pids)).ToList();
        TracepointSink sink = mappers.Count == 1
            ? mappers[0]
            : new VmRouter([.. plan.Vms.Zip(mappers, (vm, mapper) => (new VmThreads(vm.Process, vm.Threads), mapper))]);
        var watch = new VmWatch(sink);
        var trace = FtraceReader.Read(input.Text, watch, new NotedProblems(problems, mappers), progress, cancellation);
        Check(plan, watch, input.Name);
        var summaries = new List<ObservedSummary>();
        for (var i = 0; i < mappers.Count; i++)
        {
            mappers[i].Finish();
            summaries.Add(Summarize(mappers.Count == 1 ? plan : plan with { Vm = plan.Vms[i].Name }, trace, mappers[i], input.Hash()));
        }

        return (trace, summaries);
    }

    /// <summary>A trace that can be read once may have VMs that its beginning does not show: then their rows would be one run's.</summary>
    /// <exception cref="RecorderException">It has.</exception>
    public static void Check(ImportPlan plan, VmWatch watch, string name)
    {
        if (!plan.IsPartial || plan.Pids.Count > 0 || watch.Vms.Count <= Math.Max(1, plan.Vms.Count))
            return;
        throw new RecorderException(
            RecorderFailure.BadInput,
            $"{name}: has {watch.Vms.Count} VMs ({string.Join(", ", watch.Vms.Select(vm => vm.Name))}), some of which begin behind the first {FtraceInput.SurveyBytes >> 20} MiB, and can be read only once. Import it from a file.");
    }

    /// <summary>Reads a trace again for the hash of the one run that the plan is of.</summary>
    public static (FtraceSummary Trace, ObservedSummary Observed) Again(
        FtraceInput input, ImportPlan plan, IFtraceProblems problems, Action<long, long> progress, CancellationToken cancellation)
    {
        var number = plan.Vms.Select((vm, i) => (vm.Name, Number: i)).FirstOrDefault(vm => vm.Name == plan.Vm).Number;
        var histories = Enumerable.Range(0, Math.Max(1, plan.Vms.Count)).Select(_ => new SilentObservedHistory()).ToList();
        var (trace, observed) = Run(input, plan, histories, problems, progress, cancellation);
        return (trace, observed[number]);
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
                Events = mapper.Events,
                NoteCounts = mapper.NoteCounts,
                Counters =
                [
                    new Counter("trace_events", mapper.Events, "rows of observed_event"),
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
            GuestCr3s = mapper.GuestCr3s,
        };
    }

    private sealed class NotedProblems(IFtraceProblems problems, IReadOnlyList<ObservedTraceMapper> mappers) : IFtraceProblems
    {
        public void OnDamaged(long line, string what, string text)
        {
            foreach (var mapper in mappers)
                mapper.OnDamaged(line);
            problems.OnDamaged(line, what, text);
        }
    }
}
