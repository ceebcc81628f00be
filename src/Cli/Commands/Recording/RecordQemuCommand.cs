using System.CommandLine;
using System.Globalization;
using Replay.Cli.Terminal;
using Replay.Recorder;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Records a guest that runs under QEMU.</summary>
internal sealed class RecordQemuCommand : VerbCommand
{
    private readonly Argument<string[]> _arguments = new("QEMU-ARGS") { Description = "Arguments of QEMU, after --", Arity = ArgumentArity.OneOrMore };
    private readonly Option<string> _output = CommonOptions.Output("The capture to make");
    private readonly Option<int?> _filter = FilterOptions.Entries();
    private readonly Option<long> _epoch = FilterOptions.EpochLength();
    private readonly Option<string?> _startAt = new("--start-at") { Description = "Record from the first execution of this instruction: gva:ADDRESS or gpa:ADDRESS", HelpName = "ADDRESS" };
    private readonly Option<string?> _stopAt = new("--stop-at") { Description = "End before the first execution of this instruction", HelpName = "ADDRESS" };
    private readonly Option<long?> _maxAccesses = new("--max-accesses") { Description = "End after so many accesses, recorded or dropped", HelpName = "N" };
    private readonly Option<bool> _rip = new("--rip") { Description = "Record the instruction address of every access (a filtered recording always does)" };
    private readonly Option<bool> _compact = new("--compact") { Description = "Every access in a third to a half of the bytes; the guest waits for it more (a filtered recording is small anyway)" };
    private readonly Option<bool> _realTime = new("--real-time") { Description = "Leave out the flags that make a run repeat itself" };
    private readonly Option<string?> _qemu = new("--qemu") { Description = "The QEMU to run (default: qemu-system-x86_64 on the path)", HelpName = "PATH" };
    private readonly Option<string?> _hostEvents = CommonOptions.HostEvents();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public RecordQemuCommand()
        : base("qemu", "Record any guest under QEMU: no KVM, no root. Needs QEMU 10 or later and a C compiler.")
    {
        Arguments.Add(_arguments);
        Options.Add(_output);
        Options.Add(_filter);
        Options.Add(_epoch);
        Options.Add(_startAt);
        Options.Add(_stopAt);
        Options.Add(_maxAccesses);
        Options.Add(_rip);
        Options.Add(_compact);
        Options.Add(_realTime);
        Options.Add(_qemu);
        Options.Add(_hostEvents);
        Options.Add(_json);
        Options.Add(_force);
        Options.Add(_quiet);
    }

    public override bool TakesOptionsOfOthers => true;

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay record qemu -o boot.capture --filter 1024 -- -M pc -m 256 -kernel vmlinuz -initrd initrd.gz -append console=ttyS0 -nographic", "a Linux boot, page-filtered"),
        new("replay record qemu -o guest.capture --start-at gpa:0x10000c -- -M pc -m 64 -kernel guest.elf -display none", "a bare-metal guest, every access from its entry point on"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var output = Outputs.Checked(arguments.GetRequiredValue(_output));
        var script = CommonOptions.ReadHostEvents(arguments.GetValue(_hostEvents));
        var filter = FilterOptions.Rule(arguments.GetValue(_filter), arguments.GetValue(_epoch));
        var options = new QemuRecordingOptions
        {
            Arguments = arguments.GetRequiredValue(_arguments),
            QemuPath = arguments.GetValue(_qemu),
            FilterSlots = filter?.Entries,
            EpochLength = filter?.EpochLength ?? arguments.GetValue(_epoch),
            StartAt = Address(arguments.GetValue(_startAt), "--start-at"),
            StopAt = Address(arguments.GetValue(_stopAt), "--stop-at"),
            MaxAccesses = arguments.GetValue(_maxAccesses),
            Rips = arguments.GetValue(_rip),
            Deterministic = !arguments.GetValue(_realTime),
            OnMessage = message => console.Error.WriteLine($"qemu: {message}"),
        };
        using var recorder = QemuRecorder.Start(options, cancellation);
        var writing = recorder.WriterOptions with { Force = arguments.GetValue(_force), Hasty = !arguments.GetValue(_compact) };
        using var writer = CaptureWriter.Create(output, recorder.Manifest.With(script), writing);
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var summary = recorder.Record(writer, new ProgressReport(progress, arguments.GetValue(_startAt), options.MaxAccesses), () => writer.Manifest.Parts.Sum(part => part.Bytes), cancellation);
        writer.Amend(manifest => Amended(manifest, summary));
        var manifest = summary.Complete ? writer.Complete(summary.EndReason, summary.AccessesSeen) : Abandon(writer);
        progress.Dispose();
        RecordingReport.Write(output, manifest, arguments.GetValue(_json), console, summary.Elapsed);
        console.Error.WriteLine(
            $"{summary.Elapsed.TotalSeconds:0.0} s, QEMU used {summary.QemuProcessorTime.TotalSeconds:0.0} s of processor time, "
            + $"the guest waited {Units.Count(summary.Stalls)} times ({summary.StallTime.TotalSeconds:0.0} s) for the recorder");
        if (manifest.CountNestedNotFollowed() is > 0 and var nested)
            console.Error.WriteLine($"replay record qemu: NOT EXACT: {CaptureReport.NotExact(nested)}.");
        if (summary.EndReason == QemuEndReason.StartAtNotReached)
            console.Error.WriteLine($"replay record qemu: the guest never came to --start-at {arguments.GetValue(_startAt)}: nothing was recorded.");
        if (summary.EndReason is QemuEndReason.Failed or QemuEndReason.Killed)
            console.Error.WriteLine($"replay record qemu: {GaveUp(summary)}");
        return Task.FromResult(summary switch
        {
            { EndReason: "interrupted" } => ExitCode.Interrupted,
            { Complete: false } or { EndReason: QemuEndReason.Failed } => ExitCode.InputOutput,
            _ => ExitCode.Done,
        });
    }

    private static string GaveUp(QemuRecordingSummary summary) => summary.EndReason == QemuEndReason.Failed
        ? $"QEMU gave up by itself, with exit code {summary.ExitCode}: {summary.LastMessage}. The capture holds what the guest did up to there."
        : "QEMU died, and the end of the recording with it. The capture holds what was written before, and stays marked incomplete.";

    /// <summary>QEMU died and took the end of the stream with it: the capture stays marked incomplete.</summary>
    private static CaptureManifest Abandon(CaptureWriter writer)
    {
        writer.ClosePart();
        return writer.Manifest;
    }

    private static CaptureManifest Amended(CaptureManifest manifest, QemuRecordingSummary summary)
    {
        var origin = new SortedDictionary<string, string>(manifest.Origin, StringComparer.Ordinal);
        foreach (var (key, value) in summary.Origin.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            origin[key] = value;
        return manifest with { Origin = origin, Blind = [.. summary.Blind], NestedNotFollowed = summary.NestedNotFollowed, AccessesSeen = summary.AccessesSeen, EndReason = summary.EndReason };
    }

    private static GuestAddress? Address(string? text, string option)
    {
        if (text is null)
            return null;
        var isPhysical = text.StartsWith("gpa:", StringComparison.Ordinal);
        var digits = isPhysical || text.StartsWith("gva:", StringComparison.Ordinal) ? text[4..] : text;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            digits = digits[2..];
        return ulong.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value)
            ? new GuestAddress(isPhysical, value)
            : throw new UsageException($"{option} {text}: write gva:0x... or gpa:0x...");
    }

    private sealed class ProgressReport(ProgressLine line, string? startAt, long? most) : IProgress<RecordingProgress>
    {
        public void Report(RecordingProgress value) => line.Update(_ => startAt is not null && value.AccessesSeen == 0
            ? $"the guest has not come to --start-at {startAt} yet"
            : $"{Units.Count(value.AccessesSeen)} accesses ({Units.Rate(value.AccessesSeen, value.Elapsed)}), "
            + $"{Units.Count(value.AccessesRecorded + value.EventsRecorded)} recorded, {Units.Bytes(value.Bytes)}"
            + RecordingReport.Left(value.AccessesSeen, most, value.Elapsed)
            + (value.Stalls > 0 ? $", {Units.Count(value.Stalls)} stalls" : ""));
    }
}
