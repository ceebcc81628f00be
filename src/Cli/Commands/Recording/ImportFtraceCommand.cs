using System.CommandLine;
using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Cli.Importing;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Recorder;
using Replay.Recorder.Ftrace;
using Replay.Replayer;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Imports the trace of a real KVM as a run of mode <c>observed</c>.</summary>
internal sealed class ImportFtraceCommand : VerbCommand
{
    private const string Verb = "replay import ftrace";
    private const int DefaultMessages = 10;

    private readonly Argument<string> _trace = new("TRACE") { Description = "Text of trace-cmd report, of tracefs's trace file or of perf script, whole or as pasted into a mail; .gz too; trace.dat and perf.data where their tool is installed; - is standard input" };
    private readonly Option<string?> _database = new("--db") { Description = "The database to make: a run of mode observed, and with -o a companion run beside it that has every write", HelpName = "FILE" };
    private readonly Option<string?> _output = new("--output", "-o")
    {
        Description = "The capture to make: guest-physical accesses and host events that 'replay run' replays in any two-dimensional mode (EPT and NPT)",
        HelpName = "CAPTURE",
    };

    private readonly Option<bool> _append = new("--append") { Description = "Add the run to an existing database, beside modelled ones" };
    private readonly Option<string?> _name = new("--name") { Description = "Name of the run (default: observed, with a number behind it where it is taken)", HelpName = "NAME" };
    private readonly Option<string?> _mode = new("--mmu", "-m")
    {
        Description = "What the host ran: ept, ept-tdp, npt, npt-tdp or shadow (default: as the trace tells)",
        HelpName = "MODE",
    };

    private readonly Option<string?> _host = new("--host")
    {
        Description = $"The host's profile: {string.Join(", ", HostProfiles.All.Select(profile => profile.Name))} (default: as the trace tells)",
        HelpName = "PROFILE",
    };

    private readonly Option<string?> _kernel = new("--kernel") { Description = "The host's kernel, for the run's row (default: by the form of the lines)", HelpName = "VERSION" };
    private readonly Option<string?> _directMap = new("--direct-map")
    {
        Description = "Where the host's kernel maps all memory, page_offset_base (default: from entries shown under both addresses)",
        HelpName = "ADDRESS",
    };

    private readonly Option<int[]> _pids = new("--pid") { Description = "Make rows only of this thread's events; repeatable", HelpName = "PID" };
    private readonly Option<string> _fields = new("--fields")
    {
        Description = "Of which events to store the text too: none, unmapped (those that no other row tells) or all (default unmapped)",
        HelpName = "WHICH",
        DefaultValueFactory = _ => "unmapped",
    };

    private readonly Option<int> _messages = new("--max-messages") { Description = $"Damaged lines to print (default {DefaultMessages})", HelpName = "N", DefaultValueFactory = _ => DefaultMessages };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public ImportFtraceCommand()
        : base("ftrace", "Import what a real KVM did, from its tracepoints and probes, as a run of mode observed.")
    {
        _mode.TakesOneOf(MmuModes.All.Select(mode => mode.Name()));
        _host.TakesOneOf(HostProfiles.All.Select(profile => profile.Name));
        _fields.TakesOneOf("none", "unmapped", "all");
        Arguments.Add(_trace);
        foreach (Option option in (ReadOnlySpan<Option>)[_database, _output, _append, _name, _mode, _host, _kernel, _directMap, _pids, _fields, _messages, _json, _force, _quiet])
            Options.Add(option);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay import ftrace trace.txt --db host.db", "text of 'trace-cmd report' or of /sys/kernel/tracing/trace"),
        new("replay import ftrace trace.txt -o host.capture --db host.db", "a capture too, and a companion run with the writes that no tracepoint shows"),
        new("perf script | replay import ftrace - --db host.db", "from a pipe"),
        new("replay import ftrace trace.txt.gz --db boot.db --append --name host", "beside the modelled runs of a database"),
        new("replay import ftrace trace.txt --mmu ept-tdp --host intel --db host.db", "a trace that does not tell its host"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var path = arguments.GetRequiredValue(_trace);
        if (arguments.GetValue(_database) is null && arguments.GetValue(_output) is null)
            throw new UsageException("--db FILE makes a database of the trace, -o CAPTURE a capture: one of them, or both.");
        if (arguments.GetValue(_database) is not null && arguments.GetValue(_output) is not null && path == FtraceInput.StandardInput)
            throw new UsageException("-: standard input can be read once. Store the trace in a file for -o together with --db.");
        foreach (var made in (string?[])[arguments.GetValue(_database), arguments.GetValue(_output)])
        {
            if (made is not null)
                Outputs.Checked(made);
        }

        using var input = FtraceInput.Open(path);
        if (input.Converter is { } converter)
            console.Error.WriteLine($"{Verb}: {path}: read through '{converter}'");
        var findings = input.Survey(cancellation);
        if (findings.Events == 0)
            throw new RecorderException(RecorderFailure.BadInput, $"{path}: holds no event in the form of trace-cmd report, tracefs or perf script.");
        var plan = Plan(arguments, findings);
        console.Error.WriteLine($"{Verb}: {HostChoice.Describe(plan.Host, findings, arguments.GetValue(_mode) is not null)}");
        if (plan.Vms.Count > 1)
            console.Error.WriteLine($"{Verb}: {plan.Vms.Count} VMs, a run of each: {string.Join(", ", plan.Vms.Select(vm => vm.Name))} (process, or first vCPU thread). --pid chooses the threads of one.");

        var capture = arguments.GetValue(_output);
        if (arguments.GetValue(_database) is null)
        {
            MakeCapture(arguments, input, plan, findings, capture!, console, cancellation);
            return Task.FromResult(ExitCode.Done);
        }

        var (exitCode, parted) = Make(arguments, path, input, plan, findings, console, cancellation);
        if (parted is not null)
            DivergenceReport.Write(arguments.GetValue(_database)!, parted, console.Error);
        return Task.FromResult(exitCode);
    }

    /// <summary>The database, and before it the capture. What either is refused for is told before one of them is made; a refusal leaves nothing.</summary>
    /// <returns>The run that parts from the trace, if one does.</returns>
    private (int ExitCode, string? Parted) Make(
        ParseResult arguments, string path, FtraceInput input, ImportPlan plan, HostFindings findings, CliConsole console, CancellationToken cancellation)
    {
        using var file = Open(arguments);
        var stores = new List<HistoryStore>();
        string? made = null;
        try
        {
            foreach (var info in Runs(arguments, path, plan, findings))
                stores.Add(file.BeginRun(info));
            if (arguments.GetValue(_output) is { } capture)
            {
                using var whole = FtraceInput.Open(path);
                MakeCapture(arguments, whole, plan, findings, capture, console, cancellation);
                made = capture;
            }

            return Store(arguments, path, input, plan, findings, file, stores, console, cancellation);
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
    private (int ExitCode, string? Parted) Store(
        ParseResult arguments, string path, FtraceInput input, ImportPlan plan, HostFindings findings, HistoryFile file, List<HistoryStore> stores, CliConsole console, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var problems = new ProblemPrinter(console.Error, Verb, arguments.GetValue(_messages));
        var (trace, observed) = TraceImport.Run(
            input, plan, stores, problems, (bytes, events) => progress.Update(time => Progress(bytes, events, input.Length, time)), cancellation);
        progress.Dispose();
        problems.Finish();
        if (trace.Interrupted)
            return (Interrupted(console, trace), null);
        // The last reading that can fail: up to here everything is taken back then.
        var made = arguments.GetValue(_output);
        var seen = made is null ? null : Seen(path, plan, cancellation);
        for (var i = 0; i < stores.Count; i++)
            stores[i].CompleteObserved(observed[i]);
        var parted = seen is null ? null : Fill(arguments, path, plan, findings, made!, seen, file, stores[0], console, cancellation);
        ImportReport.Write(Verb, path, trace, [.. stores.Select((store, i) => (store.Name, observed[i]))], console.Error);
        if (arguments.GetValue(_json))
            ImportReport.WriteJson(trace, [.. stores.Select((store, i) => (store.Name, observed[i]))], console.Out);
        return (ExitCode.Done, parted);
    }

    private void MakeCapture(ParseResult arguments, FtraceInput input, ImportPlan plan, HostFindings findings, string capture, CliConsole console, CancellationToken cancellation)
    {
        var kernel = arguments.GetValue(_kernel) ?? findings.Kernel;
        var (summary, manifest) = Reconstruction.Write(input, plan, Profile(arguments), kernel, capture, arguments.GetValue(_force), cancellation);
        console.Error.WriteLine(
            $"{capture}: {Units.Count(summary.Faults)} guest-physical accesses, {Units.Count(summary.HostEvents)} host events; {plan.Host.ModeName} on {manifest.Origin[Reconstruction.HostKey]}, host pages {manifest.Origin[Reconstruction.PagesKey]}, as Linux {plan.Host.Kernel.Name} does it");
        console.Error.WriteLine($"{capture}: memslots inferred: {(summary.Slots.Count == 0 ? "none" : string.Join(", ", summary.Slots))}");
        foreach (var unknown in summary.Unknown)
            console.Error.WriteLine($"{capture}: unknown: {unknown}");
    }

    private static SeenWrites Seen(string path, ImportPlan plan, CancellationToken cancellation)
    {
        var collector = new SeenCollector();
        using var again = FtraceInput.Open(path);
        TraceImport.Run(again, plan with { Kept = FieldsKept.None }, [collector], new ProblemPrinter(TextWriter.Null, Verb, 0), (_, _) => { }, cancellation);
        return collector.Seen;
    }

    /// <summary>The run beside the observed one that has every write.</summary>
    /// <returns>Its name, where it and the trace part.</returns>
    private string? Fill(
        ParseResult arguments, string path, ImportPlan plan, HostFindings findings, string capture, SeenWrites seen, HistoryFile file, HistoryStore observed, CliConsole console, CancellationToken cancellation)
    {
        using var reader = CaptureReader.Open(capture);
        var traced = Reconstruction.TracedHost(reader.Manifest)!.Value;
        var info = Describe(arguments, path, plan, findings) with
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
        console.Error.WriteLine(
            $"run {store.Name}: {Units.Count(companion.Of(WriteOrigin.Seen))} of {Units.Count(seen.Count)} writes of the trace, {Units.Count(companion.Of(WriteOrigin.Derived))} derived, {Units.Count(companion.Of(WriteOrigin.Earlier))} of entries that are older than the trace");
        var parts = unmodelled.Count > 0 || companion.Of(WriteOrigin.Missing) > 0;
        console.Error.WriteLine(parts
            ? $"run {store.Name}: {Units.Count(unmodelled.Count)} writes of the trace are not the model's, {Units.Count(companion.Of(WriteOrigin.Missing))} of the model's are not in the trace"
            : $"run {store.Name}: trace and model agree");
        return parts ? store.Name : null;
    }

    private IEnumerable<RunInfo> Runs(ParseResult arguments, string path, ImportPlan plan, HostFindings findings)
    {
        var info = Describe(arguments, path, plan, findings);
        return plan.Vms.Count < 2 ? [info] : plan.Vms.Select(vm => info with { Name = $"{info.Name ?? "observed"}-{vm.Name.Replace(' ', '-')}" });
    }

    private static int Interrupted(CliConsole console, FtraceSummary trace)
    {
        console.Error.WriteLine($"{Verb}: interrupted after line {trace.Lines}: the run is marked incomplete");
        return ExitCode.Interrupted;
    }

    private HistoryFile Open(ParseResult arguments)
    {
        var database = arguments.GetValue(_database)!;
        return arguments.GetValue(_append) ? HistoryFile.Append(Inputs.Database(database)) : HistoryFile.Create(database, arguments.GetValue(_force));
    }

    private ImportPlan Plan(ParseResult arguments, HostFindings findings) => new()
    {
        Host = HostChoice.Choose(findings, arguments.GetValue(_mode), Profile(arguments), arguments.GetValue(_directMap)) with
        {
            Kernel = KvmBehaviour.NearestTo(arguments.GetValue(_kernel) ?? findings.Kernel),
        },
        Outlook = ImportPlan.OutlookOf(findings),
        IsPartial = findings.IsPartial,
        Kept = arguments.GetValue(_fields) switch
        {
            "none" => FieldsKept.None,
            "unmapped" => FieldsKept.Unmapped,
            "all" => FieldsKept.All,
            var other => throw new UsageException($"--fields {other}: {NameHints.Choose(other ?? "", ["none", "unmapped", "all"])}"),
        },
        Pids = [.. arguments.GetValue(_pids) ?? []],
        Vms = arguments.GetValue(_pids) is { Length: > 0 } || findings.Vms.Count < 2 ? [] : findings.Vms,
    };

    private HostProfile? Profile(ParseResult arguments) => arguments.GetValue(_host) is not { } name
        ? null
        : HostProfiles.Find(name) ?? throw new UsageException($"--host {name}: {NameHints.Choose(name, HostProfiles.All.Select(known => known.Name))}");

    private RunInfo Describe(ParseResult arguments, string path, ImportPlan plan, HostFindings findings) => new()
    {
        Capture = path == FtraceInput.StandardInput ? "standard input" : path,
        CaptureHash = "",
        CaptureSource = "ftrace",
        CaptureComplete = false,
        Mode = MmuMode.Observed,
        Name = arguments.GetValue(_name),
        Profile = arguments.GetValue(_host) ?? (plan.Host.IsIntel ? "intel" : "amd"),
        Backing = "unknown",
        Kernel = arguments.GetValue(_kernel) ?? findings.Kernel,
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
