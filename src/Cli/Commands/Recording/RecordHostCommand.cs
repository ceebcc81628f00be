using System.CommandLine;
using System.Text.RegularExpressions;
using Replay.Cli.Terminal;
using Replay.Recorder.Ftrace.Host;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Prints the script that records a trace on a host.</summary>
internal sealed partial class RecordHostCommand : VerbCommand
{
    private readonly Option<bool> _print = new("--print-script") { Description = "Print a POSIX shell script that records, to be run as root on the host; nothing has to be installed there", Required = true };
    private readonly Option<string> _kernel = new("--kernel")
    {
        Description = $"The host's kernel, for the registers and offsets of its probes: {string.Join(", ", RecordingScript.Kernels)} (default {RecordingScript.Kernels[0]}); on another the script records tracepoints alone",
        HelpName = "VERSION",
        DefaultValueFactory = _ => RecordingScript.Kernels[0],
    };

    private readonly Option<int?> _pid = new("--pid") { Description = "Record only the threads of this process, the VM's (default: all)", HelpName = "PID" };
    private readonly Option<int> _seconds = new("--seconds") { Description = "How long to record (default 10)", HelpName = "S", DefaultValueFactory = _ => 10 };
    private readonly Option<int> _buffer = new("--buffer") { Description = "KiB of ring buffer for each CPU (default 65536)", HelpName = "KIB", DefaultValueFactory = _ => 65536 };
    private readonly Option<string> _output = new("--trace") { Description = "The file that the script writes (default trace.txt)", HelpName = "FILE", DefaultValueFactory = _ => "trace.txt" };

    public RecordHostCommand()
        : base("host", "Print a script that records what a host's KVM does, for 'import ftrace'.")
    {
        foreach (Option option in (ReadOnlySpan<Option>)[_print, _kernel, _pid, _seconds, _buffer, _output])
            Options.Add(option);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay record host --print-script > record.sh", "ten seconds of all VMs of a Linux 6.1 host"),
        new("replay record host --print-script --kernel 6.12 --pid 4711 --seconds 30 | ssh root@host sh -s", "one VM of another host; the trace is written there"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var kernel = arguments.GetValue(_kernel)!;
        if (!RecordingScript.Kernels.Contains(kernel))
            throw new UsageException($"--kernel {kernel}: {DidYouMean.Choose(kernel, RecordingScript.Kernels)} On other kernels the script of either records tracepoints alone.");
        if (arguments.GetValue(_seconds) < 1)
            throw new UsageException("--seconds: at least 1.");
        if (arguments.GetValue(_buffer) < 4)
            throw new UsageException("--buffer: at least 4.");
        if (arguments.GetValue(_pid) is <= 0)
            throw new UsageException("--pid: the number of a process.");
        var output = arguments.GetValue(_output)!;
        if (!PlainPath().IsMatch(output))
            throw new UsageException($"--trace {output}: letters, digits and _ . / - alone, as it stands in a script of the shell.");
        console.Out.Write(RecordingScript.Text(kernel, arguments.GetValue(_pid), arguments.GetValue(_seconds), arguments.GetValue(_buffer), output));
        return Task.FromResult(ExitCode.Done);
    }

    [GeneratedRegex("^[A-Za-z0-9_./-]+$")]
    private static partial Regex PlainPath();
}
