using System.CommandLine;
using System.Globalization;
using Replay.Cli.Terminal;
using Replay.Recorder;
using Replay.Recorder.Bochs;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Records a guest that runs under Bochs.</summary>
internal sealed class RecordBochsCommand : VerbCommand
{
    private readonly Argument<string?> _kernel = new("KERNEL") { Description = "A multiboot kernel (ELF), entered without any firmware", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _output = CommonOptions.Output("The capture to make");
    private readonly Option<string?> _disk = new("--disk") { Description = "Boot this image of a hard disk instead of a kernel; it stays as it is", HelpName = "IMAGE" };
    private readonly Option<string?> _cdrom = new("--cdrom") { Description = "Boot this image of a CD instead of a kernel", HelpName = "IMAGE" };
    private readonly Option<int> _memory = new("--memory", "-m") { Description = "The guest's memory in MiB (default 64)", HelpName = "MIB", DefaultValueFactory = _ => 64 };
    private readonly Option<string> _cpu = new("--cpu") { Description = "Bochs's name of the CPU (bochs --help cpu): corei7_skylake_x has VMX and EPT, ryzen has SVM (default corei7_skylake_x)", HelpName = "NAME", DefaultValueFactory = _ => BochsRecordingOptions.DefaultCpu };
    private readonly Option<string?> _startAt = new("--start-at") { Description = "Record from the first execution of this instruction: gpa:ADDRESS (default: the kernel's entry, or the boot sector)", HelpName = "ADDRESS" };
    private readonly Option<long?> _maxAccesses = new("--max-accesses") { Description = "End after so many accesses", HelpName = "N" };
    private readonly Option<string?> _bochs = new("--bochs") { Description = "The Bochs to run (default: bochs on the path)", HelpName = "PATH" };
    private readonly Option<string?> _hostEvents = CommonOptions.HostEvents();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public RecordBochsCommand()
        : base("bochs", "Record a guest under Bochs: VMX with EPT, which QEMU does not emulate, and SVM. Slow (tens of thousands of instructions a second). Needs Bochs 2.7 with its debugger, as Debian has it.")
    {
        Arguments.Add(_kernel);
        Options.Add(_output);
        Options.Add(_disk);
        Options.Add(_cdrom);
        Options.Add(_memory);
        Options.Add(_cpu);
        Options.Add(_startAt);
        Options.Add(_maxAccesses);
        Options.Add(_bochs);
        Options.Add(_hostEvents);
        Options.Add(_json);
        Options.Add(_force);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay record bochs -o guest.capture guest.elf", "a bare-metal guest from its entry to its exit (a write to port 0xf4, or HLT without interrupts)"),
        new("replay record bochs -o svm.capture --cpu ryzen -m 128 hypervisor.elf", "a hypervisor that uses SVM"),
        new("replay record bochs -o boot.capture --cdrom boot.iso --max-accesses 100000000", "what a CD boots, from its boot sector on"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var output = Outputs.Checked(arguments.GetRequiredValue(_output));
        var script = CommonOptions.ReadHostEvents(arguments.GetValue(_hostEvents));
        var options = new BochsRecordingOptions
        {
            Kernel = arguments.GetValue(_kernel),
            Disk = arguments.GetValue(_disk),
            Cdrom = arguments.GetValue(_cdrom),
            Megabytes = arguments.GetValue(_memory),
            Cpu = arguments.GetRequiredValue(_cpu),
            StartAt = Address(arguments.GetValue(_startAt)),
            MaxAccesses = arguments.GetValue(_maxAccesses),
            BochsPath = arguments.GetValue(_bochs),
            OnMessage = message => console.Error.WriteLine($"bochs: {message}"),
        };
        using var recorder = BochsRecorder.Start(options);
        using var writer = CaptureWriter.Create(output, recorder.Manifest.With(script), new CaptureWriterOptions { Force = arguments.GetValue(_force) });
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var summary = recorder.Record(writer, new ProgressReport(progress, options.MaxAccesses), () => writer.Manifest.Parts.Sum(part => part.Bytes), cancellation);
        writer.Amend(manifest => summary.Amend(manifest));
        var manifest = writer.Complete(summary.EndReason, summary.AccessesSeen);
        progress.Dispose();
        RecordingReport.Write(output, manifest, arguments.GetValue(_json), console, summary.Elapsed);
        console.Error.WriteLine($"{summary.Elapsed.TotalSeconds:0.0} s, Bochs used {summary.BochsProcessorTime.TotalSeconds:0.0} s of processor time");
        if (summary.EndReason == BochsEndReason.StartAtNotReached)
            console.Error.WriteLine("replay record bochs: the guest never came to the instruction at which to start: nothing was recorded.");
        if (summary.EndReason == BochsEndReason.BochsExit)
            console.Error.WriteLine($"replay record bochs: Bochs ended before the guest said that it was done{(summary.LastMessage.Length > 0 ? $": {summary.LastMessage}" : "")}. The capture holds what the guest did up to there.");
        return Task.FromResult(summary.EndReason == BochsEndReason.Interrupted ? ExitCode.Interrupted : ExitCode.Done);
    }

    private static ulong? Address(string? text)
    {
        if (text is null)
            return null;
        var digits = text.StartsWith("gpa:", StringComparison.Ordinal) ? text[4..] : text;
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            digits = digits[2..];
        return ulong.TryParse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var value) ? value : throw new UsageException($"--start-at {text}: write gpa:0x...");
    }

    private sealed class ProgressReport(ProgressLine line, long? most) : IProgress<RecordingProgress>
    {
        public void Report(RecordingProgress value) => line.Update(_ =>
            $"{Units.Count(value.AccessesSeen)} accesses ({Units.Rate(value.AccessesSeen, value.Elapsed)}), {Units.Bytes(value.Bytes)}"
            + RecordingReport.Left(value.AccessesSeen, most, value.Elapsed));
    }
}
