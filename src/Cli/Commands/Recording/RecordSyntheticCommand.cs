using System.CommandLine;
using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Records a named workload of a synthetic guest.</summary>
internal sealed class RecordSyntheticCommand : VerbCommand
{
    private readonly Option<string> _workload = new("--workload", "-w") { Description = "Which workload; --list-workloads names them", HelpName = "NAME" };
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of everything random (default 1)", HelpName = "N", DefaultValueFactory = _ => 1 };
    private readonly Option<string[]> _knobs = new("--knob", "-k") { Description = "Set a knob of the workload; repeatable", HelpName = "NAME=VALUE" };
    private readonly Option<long?> _maxAccesses = new("--max-accesses") { Description = "End after so many accesses", HelpName = "N" };
    private readonly Option<bool> _list = new("--list-workloads") { Description = "List the workloads and their knobs, and record nothing" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The capture to make", HelpName = "NAME.capture" };
    private readonly Option<int?> _filter = FilterOptions.Entries();
    private readonly Option<long> _epoch = FilterOptions.EpochLength();
    private readonly Option<string?> _hostEvents = CommonOptions.HostEvents();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public RecordSyntheticCommand()
        : base("synthetic", "Record a named, seeded workload: real page tables, a real stream, no QEMU.")
    {
        _workload.TakesOneOf(WorkloadRegistry.All.Select(workload => workload.Name));
        Options.Add(_workload);
        Options.Add(_seed);
        Options.Add(_knobs);
        Options.Add(_filter);
        Options.Add(_epoch);
        Options.Add(_maxAccesses);
        Options.Add(_output);
        Options.Add(_list);
        Options.Add(_hostEvents);
        Options.Add(_json);
        Options.Add(_force);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay record synthetic --list-workloads", "what there is"),
        new("replay record synthetic --workload demand-paging -o dp.capture", "a guest that touches its memory for the first time"),
        new("replay record synthetic -w page-table-churn --seed 7 --filter 1024 -o churn.capture", "page-filtered, with another seed"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        if (arguments.GetValue(_list))
        {
            List(arguments.GetValue(_json) ? console.Out : console.Lines(), arguments.GetValue(_json));
            return Task.FromResult(ExitCode.Done);
        }

        var output = Outputs.Checked(arguments.GetValue(_output) ?? throw new UsageException("Name the capture to make: --output NAME.capture."));
        var options = new SyntheticOptions
        {
            Workload = arguments.GetValue(_workload) ?? throw new UsageException("Name a workload: --workload NAME. '--list-workloads' shows them."),
            Seed = arguments.GetValue(_seed),
            Knobs = Settings.Parse(arguments.GetValue(_knobs) ?? [], "--knob"),
            Filter = FilterOptions.Rule(arguments.GetValue(_filter), arguments.GetValue(_epoch)),
            MaxAccesses = arguments.GetValue(_maxAccesses),
        };
        var script = CommonOptions.ReadHostEvents(arguments.GetValue(_hostEvents));
        var source = SyntheticRecorder.Open(options);
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        using var writer = CaptureWriter.Create(output, source.Manifest.With(script), new CaptureWriterOptions { Force = arguments.GetValue(_force) });
        var manifest = SyntheticRecorder.Record(
            options,
            writer,
            accesses => progress.Update(time => $"{Units.Count(accesses)} accesses, {Units.Rate(accesses, time)}{RecordingReport.Left(accesses, options.MaxAccesses, time)}"),
            cancellation);
        var complete = writer.Complete(manifest.EndReason ?? "guest-exit", manifest.AccessesSeen);
        progress.Dispose();
        RecordingReport.Write(output, complete, arguments.GetValue(_json), console);
        return Task.FromResult(cancellation.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Done);
    }

    private static void List(TextWriter output, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                WorkloadRegistry.All.Select(workload => new { workload.Name, workload.Description, knobs = workload.AllKnobs.Select(knob => new { knob.Name, @default = knob.Default, knob.Meaning }) }),
                CommonOptions.JsonFormat));
            return;
        }

        foreach (var workload in WorkloadRegistry.All)
        {
            output.WriteLine($"{workload.Name}");
            output.WriteLine($"    {workload.Description}");
            foreach (var knob in workload.AllKnobs)
                output.WriteLine($"    {knob.Name}={knob.Default}  {knob.Meaning}");
        }
    }
}
