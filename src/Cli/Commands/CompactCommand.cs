using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Rewrites a capture that was recorded in haste.</summary>
internal sealed class CompactCommand : VerbCommand
{
    private readonly Argument<string> _input = new("CAPTURE") { Description = "A capture of every access" };
    private readonly Option<string> _output = CommonOptions.Output("The capture to make");
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public CompactCommand()
        : base("compact", "Rewrite a capture of every access so that it takes fewer bytes: what 'record --compact' would have made, without making the guest wait for it.")
    {
        Arguments.Add(_input);
        Options.Add(_output);
        Options.Add(_json);
        Options.Add(_force);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay compact boot.capture -o small.capture", "the same accesses, events and index; replays of both have the same hash"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var output = Outputs.Checked(arguments.GetRequiredValue(_output));
        var capture = Inputs.Capture(arguments.GetRequiredValue(_input));
        CaptureManifest before;
        using (var reader = CaptureReader.Open(capture))
            before = reader.Manifest;
        if (before.Filter is not null)
            throw new UsageException($"{capture}: is page-filtered: such captures are packed as far as it goes.");
        if (Path.GetFullPath(Path.TrimEndingDirectorySeparator(capture)) == Path.GetFullPath(Path.TrimEndingDirectorySeparator(output)))
            throw new UsageException($"{capture}: cannot be rewritten in its own place. Name another capture with --output.");
        var accesses = before.Parts.Sum(part => part.Accesses);
        var time = Stopwatch.StartNew();
        CaptureManifest after;
        using (var progress = new ProgressLine(console, arguments.GetValue(_quiet)))
        {
            after = CaptureCompaction.Make(
                capture,
                output,
                ToolVersion.Text,
                arguments.GetValue(_force),
                done => progress.Update(so => RunCommand.Progress(done, accesses, so)),
                cancellation);
        }

        Report(console, arguments.GetValue(_json), output, before, after, accesses, time.Elapsed);
        return Task.FromResult(ExitCode.Done);
    }

    private static void Report(CliConsole console, bool json, string output, CaptureManifest before, CaptureManifest after, long accesses, TimeSpan time)
    {
        var (was, now) = (before.Parts.Sum(part => part.Bytes), after.Parts.Sum(part => part.Bytes));
        if (json)
        {
            var report = new { capture = output, accesses, bytesBefore = was, bytes = now, complete = after.Complete };
            console.Out.WriteLine(JsonSerializer.Serialize(report, CommonOptions.JsonFormat));
            return;
        }

        console.Error.WriteLine($"replay compact: {output}: {Units.Count(accesses)} accesses, {Units.Bytes(was)} before, {Units.Bytes(now)} now{(after.Complete ? "" : ", incomplete as before")}; {Units.Rate(accesses, time)}.");
    }
}
