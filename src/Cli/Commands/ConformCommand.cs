using System.CommandLine;
using Replay.Analyzer.Conformance;
using Replay.Cli.Conforming;
using Replay.Cli.Terminal;
using Replay.Recorder;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Compares the model with recorded traces of a real KVM.</summary>
internal sealed class ConformCommand : VerbCommand
{
    private readonly Argument<string> _input = new("CASE-DIR") { Description = "A conformance case (a folder with case.json), or a folder with many below it" };
    private readonly Option<string?> _capture = new("--capture") { Description = "Use this recording of the guest, from its entry point on, instead of making one", HelpName = "CAPTURE" };
    private readonly Option<string?> _cache = new("--cache") { Description = "Keep recordings of guests in this folder and use those that are there", HelpName = "DIR" };
    private readonly Option<string?> _bochs = new("--bochs") { Description = "The Bochs that runs guests under VMX, which QEMU does not emulate (default: bochs on the path)", HelpName = "PATH" };
    private readonly Option<bool> _markdown = new("--markdown") { Description = "A line for each mode and host, as the documentation has it" };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public ConformCommand()
        : base("conform", "Compare the model with a real KVM: every table write, every operation, all tables at each checkpoint.")
    {
        Arguments.Add(_input);
        Options.Add(_capture);
        Options.Add(_cache);
        Options.Add(_bochs);
        Options.Add(_markdown);
        Options.Add(_json);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay conform tests/data/conformance/intel/ept/ptemod.4k", "record the guest, replay it, compare; the first divergence is shown from both sides"),
        new("replay conform tests/data/conformance --cache /tmp/guests", "all cases below a folder: a table and a total; each guest is recorded once"),
        new("replay conform CASE --json", "scores as JSON; exit code 0 only where every case was driven and everything matches"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var input = arguments.GetRequiredValue(_input);
        if (!Directory.Exists(input))
            throw new InputMissingException($"{input}: no such folder.");
        var isOne = File.Exists(Path.Combine(input, "case.json"));
        var folders = isOne ? [input] : Below(input);
        if (folders.Count == 0)
            throw new InputMissingException($"{input}: no case.json in it or below it.");
        var capture = arguments.GetValue(_capture) is { } given ? Inputs.Capture(given) : null;
        using var captures = new GuestCaptures(arguments.GetValue(_cache), arguments.GetValue(_bochs), console);
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var results = new List<(string Path, ConformanceResult Result)>();
        var notDriven = new List<string>();
        var whyNot = "";
        foreach (var folder in folders)
        {
            progress.Update(_ => $"{results.Count + notDriven.Count} of {folders.Count} cases");
            var conformanceCase = ConformanceCase.Load(folder);
            var path = Path.GetRelativePath(input, folder).Replace('\\', '/');
            try
            {
                results.Add((path, Compare(conformanceCase, capture ?? captures.Of(conformanceCase, cancellation), cancellation)));
            }
            catch (RecorderException error) when (error.Failure == RecorderFailure.ToolMissing && conformanceCase.IsNestedVmx)
            {
                notDriven.Add(isOne ? conformanceCase.Name : path);
                whyNot = error.Message;
            }
        }

        progress.Dispose();
        if (arguments.GetValue(_markdown))
            ConformanceSummary.Write(results, console.Out);
        else
            Print(results, notDriven, isOne, arguments.GetValue(_json), console);
        if (notDriven.Count > 0)
            console.Error.WriteLine($"replay: not driven: {string.Join(", ", notDriven)} ({notDriven.Count} of {folders.Count} cases): the guest runs guests of its own under VMX, which QEMU does not emulate; {whyNot}");
        return Task.FromResult(notDriven.Count == 0 && results.TrueForAll(entry => entry.Result.IsComplete) ? ExitCode.Done : ExitCode.Different);
    }

    private static List<string> Below(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "case.json", SearchOption.AllDirectories).Select(file => Path.GetDirectoryName(file)!).Order(StringComparer.Ordinal),
    ];

    private static ConformanceResult Compare(ConformanceCase conformanceCase, string capture, CancellationToken cancellation)
    {
        using var source = CaptureReader.Open(capture);
        var result = ConformanceReplay.Run(conformanceCase, CaseProgram.Read(conformanceCase.GuestPath), source, cancellation);
        return result is { IsComplete: false, ComparedTo: null, EndedBehind: { } last } ? Compare(conformanceCase with { UntilCheckpoint = last }, capture, cancellation) : result;
    }

    private static void Print(List<(string Path, ConformanceResult Result)> results, List<string> notDriven, bool isOne, bool asJson, CliConsole console)
    {
        if (asJson && isOne && notDriven.Count == 0)
            ConformanceReport.WriteJson(results[0].Result, console.Out);
        else if (asJson)
            ConformanceReport.WriteJson(results, notDriven, console.Out);
        else if (!isOne)
            ConformanceReport.WriteTable(results, notDriven.Count, console);
        else if (notDriven.Count == 0)
            ConformanceReport.Write(results[0].Result, console);
    }
}
