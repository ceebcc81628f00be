using System.CommandLine;
using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Makes the touch index of a capture.</summary>
internal sealed class IndexCommand : VerbCommand
{
    private readonly Argument<string> _input = new("CAPTURE") { Description = "A capture of every access" };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public IndexCommand()
        : base("index", "Make the touch index of a capture: which accesses do not repeat others. Replays then read these alone. Recordings of every access have one from the start.")
    {
        Arguments.Add(_input);
        Options.Add(_json);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay index boot.capture", "index a capture that an older version recorded"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var capture = Inputs.Capture(arguments.GetRequiredValue(_input));
        long accesses;
        using (var reader = CaptureReader.Open(capture))
        {
            if (reader.Manifest.Filter is not null)
                throw new UsageException($"{capture}: is page-filtered: it has no repetitions that an index could leave out.");
            accesses = reader.Manifest.Parts.Sum(part => part.Accesses);
        }

        long touches;
        long bytes;
        using (var progress = new ProgressLine(console, arguments.GetValue(_quiet)))
            (touches, bytes) = CaptureIndex.Make(capture, done => progress.Update(time => RunCommand.Progress(done, accesses, time)), cancellation);
        if (arguments.GetValue(_json))
            console.Out.WriteLine(JsonSerializer.Serialize(new { capture, accesses, touches, bytes }, CommonOptions.JsonFormat));
        else
            console.Error.WriteLine($"replay index: {capture}: {Units.Count(touches)} of {Units.Count(accesses)} accesses do not repeat others; {Units.Bytes(bytes)}.");
        return Task.FromResult(ExitCode.Done);
    }
}
