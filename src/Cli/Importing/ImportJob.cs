using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Cli.Commands;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Recorder.Ftrace;
using Replay.Replayer;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Importing;

/// <summary>What is to be made of a trace.</summary>
internal sealed record ImportOrder
{
    /// <summary>The trace's file, or <see cref="FtraceInput.StandardInput"/>.</summary>
    public required string Trace { get; init; }

    public required string? Database { get; init; }

    public required string? Capture { get; init; }

    public required bool Append { get; init; }

    public required bool Force { get; init; }

    /// <summary>Name of the run; null: one that is free.</summary>
    public required string? Name { get; init; }

    /// <summary>The host as the user says; null: as the trace tells.</summary>
    public required HostProfile? Profile { get; init; }

    public required string Kernel { get; init; }

    /// <summary>Damaged lines that are printed.</summary>
    public required int Messages { get; init; }

    public required bool Json { get; init; }

    public required bool Quiet { get; init; }
}

/// <summary>Imports a trace: the database with the observed run, the capture, and with both the companion run beside it.</summary>
internal sealed class ImportJob(ImportOrder order, ImportPlan plan, CliConsole console)
{
    public const string Verb = "replay import ftrace";

    /// <summary>Takes what is no more than good to know.</summary>
    private readonly TextWriter _summary = order.Quiet ? TextWriter.Null : console.Error;

    /// <param name="input">The trace, from its beginning.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The exit code.</returns>
    public int Run(FtraceInput input, CancellationToken cancellation)
    {
        if (order.Database is not { } database)
        {
            MakeCapture(input, order.Capture!, cancellation);
            return ExitCode.Done;
        }

        var (exitCode, parted) = Make(database, input, cancellation);
        if (parted is not null)
            DivergenceReport.Write(database, parted, console.Error);
        return exitCode;
    }

    /// <summary>The database, and before it the capture. What either is refused for is told before one of them is made; a refusal leaves nothing.</summary>
    /// <returns>The run that parts from the trace, if one does.</returns>
    private (int ExitCode, string? Parted) Make(string database, FtraceInput input, CancellationToken cancellation)
    {
        using var file = Open(database);
        var stores = new List<HistoryStore>();
        string? made = null;
        try
        {
            foreach (var info in Runs())
                stores.Add(file.BeginRun(info));
            if (order.Capture is { } capture)
            {
                using var whole = FtraceInput.Open(order.Trace);
                MakeCapture(whole, capture, cancellation);
                made = capture;
            }

            return Store(input, file, stores, cancellation);
        }
        catch (Exception exception)
        {
            file.Withdraw();
            // A trace that is refused at its end has no capture either; one that was interrupted has what was made before.
            if (made is not null && exception is not OperationCanceledException)
                CaptureWriter.Withdraw(made);
            throw;
        }
        finally
        {
            foreach (var store in stores)
                store.Dispose();
        }
    }

    /// <returns>The run that parts from the trace, if one does.</returns>
    private (int ExitCode, string? Parted) Store(FtraceInput input, HistoryFile file, List<HistoryStore> stores, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, order.Quiet);
        var problems = new ProblemPrinter(console.Error, Verb, order.Messages);
        var (trace, observed) = TraceImport.Run(
            input, plan, stores, problems, (bytes, events) => progress.Update(time => Progress(bytes, events, input.Length, time)), cancellation);
        progress.Dispose();
        problems.Finish();
        if (trace.Interrupted)
            return (Interrupted(trace), null);
        // The last reading that can fail: up to here everything is taken back then.
        var seen = order.Capture is null ? null : Seen(cancellation);
        for (var i = 0; i < stores.Count; i++)
            stores[i].CompleteObserved(observed[i]);
        var parted = seen is null ? null : Fill(order.Capture!, seen, file, stores[0], cancellation);
        ImportReport.Write(Verb, order.Trace, trace, [.. stores.Select((store, i) => (store.Name, observed[i]))], _summary, console.Error);
        if (order.Json)
            ImportReport.WriteJson(trace, [.. stores.Select((store, i) => (store.Name, observed[i]))], console.Out);
        return (ExitCode.Done, parted);
    }

    private void MakeCapture(FtraceInput input, string capture, CancellationToken cancellation)
    {
        var (summary, manifest) = Reconstruction.Write(input, plan, order.Profile, order.Kernel, capture, order.Force, cancellation);
        _summary.WriteLine(
            $"{capture}: {Units.Count(summary.Faults)} guest-physical accesses, {Units.Count(summary.HostEvents)} host events; {plan.Host.ModeName} on {manifest.Origin[Reconstruction.HostKey]}, host pages {manifest.Origin[Reconstruction.PagesKey]}, as Linux {plan.Host.Kernel.Name} does it");
        _summary.WriteLine($"{capture}: memslots inferred: {(summary.Slots.Count == 0 ? "none" : string.Join(", ", summary.Slots))}");
        foreach (var unknown in summary.Unknown)
            _summary.WriteLine($"{capture}: unknown: {unknown}");
    }

    private SeenWrites Seen(CancellationToken cancellation)
    {
        var collector = new SeenCollector();
        using var again = FtraceInput.Open(order.Trace);
        TraceImport.Run(again, plan with { Kept = FieldsKept.None }, [collector], new ProblemPrinter(TextWriter.Null, Verb, 0), (_, _) => { }, cancellation);
        return collector.Seen;
    }

    /// <summary>The run beside the observed one that has every write.</summary>
    /// <returns>Its name, where it and the trace part.</returns>
    private string? Fill(string capture, SeenWrites seen, HistoryFile file, HistoryStore observed, CancellationToken cancellation)
    {
        using var reader = CaptureReader.Open(capture);
        var traced = Reconstruction.TracedHost(reader.Manifest)!.Value;
        var info = Observed() with
        {
            Capture = capture,
            CaptureHash = reader.Manifest.Checksum,
            CaptureComplete = true,
            Mode = traced.Mode,
            Name = $"{observed.Name}-filled",
            Profile = traced.Profile.Name,
            Backing = (traced.Backing.HugePages ? "thp" : "4k") + "-recorded",
            Kernel = traced.Kernel.Release,
            Model = StoredReplay.ModelVersion,
            Options = new(StringComparer.Ordinal) { ["tlb"] = "on", ["companion_of"] = observed.Name, ["ordinal_offset"] = reader.Manifest.Origin[Reconstruction.OffsetKey] },
            Entries = null,
        };
        using var store = file.BeginRun(info);
        var (companion, result) = Reconstruction.Fill(capture, seen, store, plan.Host.Entries, cancellation);
        var unmodelled = companion.Unmodelled;
        store.CompleteCompanion(RunSummary.Of(result), companion.Origins, observed.Run, unmodelled);
        var parts = unmodelled.Count > 0 || companion.Of(WriteOrigin.Missing) > 0;
        (parts ? console.Error : _summary).WriteLine(
            $"run {store.Name}: {Units.Count(companion.Of(WriteOrigin.Seen))} of {Units.Count(seen.Count)} writes of the trace, {Units.Count(companion.Of(WriteOrigin.Derived))} derived, {(companion.Of(WriteOrigin.Assumed) is > 0 and var assumed ? $"{Units.Count(assumed)} assumed, " : "")}{Units.Count(companion.Of(WriteOrigin.Earlier))} of entries that are older than the trace");
        (parts ? console.Error : _summary).WriteLine(parts
            ? $"run {store.Name}: {Units.Count(unmodelled.Count)} writes of the trace are not the model's, {Units.Count(companion.Of(WriteOrigin.Missing))} of the model's are not in the trace"
            : $"run {store.Name}: trace and model agree");
        return parts ? store.Name : null;
    }

    private IEnumerable<RunInfo> Runs()
    {
        var info = Observed();
        return plan.Vms.Count < 2 ? [info] : plan.Vms.Select(vm => info with { Name = $"{info.Name ?? "observed"}-{vm.Name.Replace(' ', '-')}" });
    }

    private int Interrupted(FtraceSummary trace)
    {
        console.Error.WriteLine($"{Verb}: interrupted after line {trace.Lines}: the run is marked incomplete");
        return ExitCode.Interrupted;
    }

    private HistoryFile Open(string database) =>
        order.Append ? HistoryFile.Append(Inputs.Database(database)) : HistoryFile.Create(database, order.Force);

    private RunInfo Observed() => new()
    {
        Capture = order.Trace == FtraceInput.StandardInput ? "standard input" : order.Trace,
        CaptureHash = "",
        CaptureSource = "ftrace",
        CaptureComplete = false,
        Mode = MmuMode.Observed,
        Name = order.Name,
        Profile = order.Profile?.Name ?? (plan.Host.IsIntel ? "intel" : "amd"),
        Backing = "unknown",
        Kernel = order.Kernel,
        Tool = ToolVersion.Text,
        Model = TraceImport.Version,
        Options = plan.Options(),
        Entries = plan.Host.Entries,
    };

    private static string Progress(long bytes, long events, long? length, TimeSpan time)
    {
        var part = length is > 0 and var total ? $"{100.0 * bytes / total:0}%, " : "";
        return $"{part}{Units.Count(events)} events, {Units.Rate(events, time)}, {Units.Bytes(bytes)}";
    }
}
