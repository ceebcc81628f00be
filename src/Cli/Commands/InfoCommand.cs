using System.CommandLine;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Says what a capture or a database is, without replaying anything.</summary>
internal sealed class InfoCommand : VerbCommand
{
    private readonly Argument<string> _input = new("INPUT") { Description = "A capture or a database" };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _wide = CommonOptions.Wide();
    private readonly Option<bool> _check = new("--check") { Description = "Read every part and check its checksum" };

    public InfoCommand()
        : base("info", "Say what a capture or a database holds: source, how it was made, counts, completeness.")
    {
        Arguments.Add(_input);
        Options.Add(_json);
        Options.Add(_wide);
        Options.Add(_check);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay info boot.capture", "what was recorded, and whether the recording is complete"),
        new("replay info boot.capture --check", "the same, after checking every byte"),
        new("replay info boot.db --json", "the runs of a database, for scripts"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var input = Inputs.Resolve(arguments.GetRequiredValue(_input));
        return Task.FromResult(input.IsCapture ? Capture(input.Path, arguments, console) : OfDatabase(input.Path, arguments, console));
    }

    private int Capture(string path, ParseResult arguments, CliConsole console)
    {
        using var reader = CaptureReader.Open(path);
        if (arguments.GetValue(_check))
            reader.Verify();
        var manifest = reader.Manifest;
        var nested = reader.ReadNestedFigures();
        if (arguments.GetValue(_json))
            CaptureReport.WriteJson(path, manifest, nested, console.Out);
        else
            CaptureReport.Write(path, manifest, nested, console.Lines(arguments.GetValue(_wide)));
        if (arguments.GetValue(_check))
            console.Error.WriteLine($"replay info: {path}: every part is there and has its checksum ({Units.Of(manifest.Parts.Count, "part")}).");
        if (!manifest.Complete)
            console.Error.WriteLine($"replay info: {path} is incomplete: its recorder was killed. What it holds, {Units.Of(manifest.Parts.Count, "part")}, can be replayed.");
        return ExitCode.Done;
    }

    private int OfDatabase(string path, ParseResult arguments, CliConsole console)
    {
        using var database = Database.OpenRead(path);
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay info: {warning}");
        if (arguments.GetValue(_json))
            DatabaseReport.WriteJson(database, console.Out);
        else
            DatabaseReport.Write(database, console.Lines(arguments.GetValue(_wide)));
        return ExitCode.Done;
    }
}
