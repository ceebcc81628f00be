using System.CommandLine;
using System.Text.Json;
using Replay.Analyzer.Store;
using Replay.Cli.Importing;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Recorder.Ftrace;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Checks the model against the capture, or a database against a second replay.</summary>
internal sealed class VerifyCommand : VerbCommand
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private readonly Argument<string> _input = new("INPUT") { Description = "A capture, or a database whose captures are still where they were" };
    private readonly ReplayPlanOptions _plan = new();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public VerifyCommand()
        : base("verify", "Replay and compare: every access must end, and every #PF be, as the source saw it; a database's history hash must come out again. Exit code 1 where they part.")
    {
        Arguments.Add(_input);
        _plan.AddTo(this);
        Options.Add(_json);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay verify boot.capture --mmu ept --mmu npt-tdp", "the model's translation of every access against the recorded one"),
        new("replay verify boot.db", "replay every run of a database again and compare history hashes"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var input = Inputs.Resolve(arguments.GetRequiredValue(_input));
        return Task.FromResult(input.IsCapture
            ? Capture(_plan.Read(arguments, input.Path), arguments, console, cancellation)
            : OfDatabase(input.Path, arguments, console, cancellation));
    }

    private int Capture(ReplayPlan plan, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var (results, manifest) = Replay(plan, arguments, console, cancellation);
        var isJson = arguments.GetValue(_json);
        if (isJson)
            RunReport.WriteJson(plan, results, manifest.Blind, console.Out);
        else
            RunReport.Write(plan, results, console);
        RunReport.TellIfEmpty("replay verify", plan, results, console);
        return RunReport.TellVerdict("replay verify", plan, results, manifest.Blind, isJson, console) ? ExitCode.Done : ExitCode.Different;
    }

    private int OfDatabase(string path, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var database = Database.OpenRead(path);
        var isJson = arguments.GetValue(_json);
        var verified = new List<VerifiedRun>();
        foreach (var run in database.Runs)
        {
            var hash = run.Complete ? Again(run, arguments, console, cancellation) : null;
            verified.Add(new VerifiedRun(run.Run, run.Name, run.Complete, hash is not null && hash == run.HistoryHash, run.HistoryHash, hash));
            if (!isJson)
                console.Lines().WriteLine(verified[^1].ToString());
        }

        if (isJson)
            console.Out.WriteLine(JsonSerializer.Serialize(verified, Indented));
        return verified.TrueForAll(run => run.Same) ? ExitCode.Done : ExitCode.Different;
    }

    private string Again(RunRow run, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        if (run.Mode == MmuMode.Observed.Name())
            return ImportAgain(run, arguments, console, cancellation);
        return Replay(StoredPlan.Of(run), arguments, console, cancellation).Results[0].HistoryHash;
    }

    /// <summary>An observed run is verified by reading its trace again.</summary>
    private string ImportAgain(RunRow run, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        using var input = FtraceInput.Open(run.Capture);
        var plan = ImportPlan.Of(run, input.Survey(cancellation));
        var (trace, observed) = TraceImport.Again(
            input,
            plan,
            new ProblemPrinter(console.Error, "replay verify", 0),
            (_, events) => progress.Update(time => $"{Units.Count(events)} events, {Units.Rate(events, time)}"),
            cancellation);
        cancellation.ThrowIfCancellationRequested();
        if (observed.TraceHash != run.CaptureHash)
            throw new CaptureFormatException($"{run.Capture}: is not the trace that run {run.Run} ({run.Name}) was imported from ({trace.Lines} lines). Import it again with 'replay import ftrace'.");
        return observed.Run.HistoryHash;
    }

    private (IReadOnlyList<ReplayResult> Results, CaptureManifest Manifest) Replay(ReplayPlan plan, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        using var driver = ReplayDriver.Open(plan);
        var results = driver.Run(
            _ => new SilentHistory(),
            done => progress.Update(time => RunCommand.Progress(done, driver.TotalAccesses, time)),
            cancellation);
        foreach (var problem in driver.IndexProblems)
            console.Error.WriteLine($"replay verify: {problem}: every access of that part was read instead.");
        return (results, driver.Manifest);
    }
}
