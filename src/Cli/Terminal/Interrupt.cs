using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Replay.Cli.Terminal;

/// <summary>
/// Ctrl-C and SIGTERM: the first asks the verb to finish what it has, the second ends the process. Who signals a process and its group, as
/// <c>timeout</c> does, means one signal.
/// </summary>
internal sealed class Interrupt : IDisposable
{
    private static readonly TimeSpan Echo = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _source = new();
    private readonly CliConsole _console;
    private readonly PosixSignalRegistration _interrupt;
    private readonly PosixSignalRegistration _terminate;
    private readonly Lock _lock = new();
    private long _first;

    public Interrupt(CliConsole console)
    {
        _console = console;
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Handle);
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Handle);
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        _interrupt.Dispose();
        _terminate.Dispose();
        _source.Dispose();
    }

    private void Handle(PosixSignalContext context)
    {
        if (context.Signal == PosixSignal.SIGINT && _console.OnInterrupt is { } instead)
        {
            context.Cancel = true;
            instead();
            return;
        }

        lock (_lock)
        {
            if (_source.IsCancellationRequested)
            {
                context.Cancel = Stopwatch.GetElapsedTime(_first) < Echo;
                return;
            }
            context.Cancel = true;
            _first = Stopwatch.GetTimestamp();
            _console.Error.WriteLine("finishing (again to stop at once) ...");
            _source.Cancel();
        }
    }
}
