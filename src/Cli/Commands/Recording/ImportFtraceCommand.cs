using System.CommandLine;
using Replay.Analyzer.Observed;
using Replay.Cli.Importing;
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
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "No progress and no summary; what is wrong, lost, assumed or parts from the model is still told" };

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
        var summary = arguments.GetValue(_quiet) ? TextWriter.Null : console.Error;
        if (input.Converter is { } converter)
            summary.WriteLine($"{ImportJob.Verb}: {path}: read through '{converter}'");
        var findings = input.Survey(cancellation);
        if (findings.Events == 0)
            throw new RecorderException(RecorderFailure.BadInput, $"{path}: holds no event in the form of trace-cmd report, tracefs or perf script.");
        var plan = Plan(arguments, findings);
        var isSaid = arguments.GetValue(_mode) is not null;
        (HostChoice.IsAssumed(plan.Host, findings, isSaid) ? console.Error : summary).WriteLine($"{ImportJob.Verb}: {HostChoice.Describe(plan.Host, findings, isSaid)}");
        if (plan.Vms.Count > 1)
            summary.WriteLine($"{ImportJob.Verb}: {plan.Vms.Count} VMs, a run of each: {string.Join(", ", plan.Vms.Select(vm => vm.Name))} (process, or first vCPU thread). --pid chooses the threads of one.");
        var exitCode = new ImportJob(Order(arguments, path, findings), plan, console).Run(input, cancellation);
        return Task.FromResult(exitCode);
    }

    private ImportOrder Order(ParseResult arguments, string path, HostFindings findings) => new()
    {
        Trace = path,
        Database = arguments.GetValue(_database),
        Capture = arguments.GetValue(_output),
        Append = arguments.GetValue(_append),
        Force = arguments.GetValue(_force),
        Name = arguments.GetValue(_name),
        Profile = Profile(arguments),
        Kernel = arguments.GetValue(_kernel) ?? findings.Kernel,
        Messages = arguments.GetValue(_messages),
        Json = arguments.GetValue(_json),
        Quiet = arguments.GetValue(_quiet),
    };

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
            var other => throw new UsageException($"--fields {other}: {DidYouMean.Choose(other ?? "", ["none", "unmapped", "all"])}"),
        },
        Pids = [.. arguments.GetValue(_pids) ?? []],
        Vms = arguments.GetValue(_pids) is { Length: > 0 } || findings.Vms.Count < 2 ? [] : findings.Vms,
    };

    private HostProfile? Profile(ParseResult arguments) => arguments.GetValue(_host) is not { } name
        ? null
        : HostProfiles.Find(name) ?? throw new UsageException($"--host {name}: {DidYouMean.Choose(name, HostProfiles.All.Select(known => known.Name))}");
}
