using System.Globalization;

namespace Replay.Cli.Terminal;

/// <summary>
/// Ends the process where a verb that only reads does not come to its end when it is asked to, or its time is over: SQLite looks at neither
/// inside one function, and some functions take as long as their arguments want.
/// </summary>
internal sealed class LastResort : IDisposable
{
    /// <summary>Anything that looks at the clock has seen by then that it must stop: of processor time, since a busy machine may give it none.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(0.5);

    private readonly Timer _timer;
    private readonly Action<int>? _endProcess;
    private readonly Action<string> _tell;
    private TimeSpan? _asked;
    private readonly CancellationTokenRegistration _registration;

    /// <param name="time">The verb's time; null: no limit.</param>
    /// <param name="console">Whose process it is; one that has none to end waits for as long as it takes.</param>
    /// <param name="tell">Told in words why the process ends.</param>
    /// <param name="cancellation">Asks the verb to stop.</param>
    public LastResort(CliConsole console, TimeSpan? time, Action<string> tell, CancellationToken cancellation)
    {
        (_endProcess, _tell) = (console.EndProcess, tell);
        _timer = new Timer(
            _ => Look(cancellation.IsCancellationRequested
                ? "interrupted"
                : string.Create(CultureInfo.InvariantCulture, $"stopped after {time!.Value.TotalSeconds:0.###} s (--timeout), inside one function of SQLite. --timeout 0 lets it run to its end.")),
            null,
            time is { } limit && _endProcess is not null ? limit : Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _registration = cancellation.Register(() =>
        {
            if (_endProcess is not null)
                _timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        });
    }

    private void Look(string why)
    {
        var used = Environment.CpuUsage.TotalTime;
        _asked ??= used;
        if (used - _asked < Grace)
        {
            _timer.Change(TimeSpan.FromMilliseconds(100), Timeout.InfiniteTimeSpan);
            return;
        }

        _tell(why);
        _endProcess!(ExitCode.Interrupted);
    }

    public void Dispose()
    {
        _registration.Dispose();
        _timer.Dispose();
    }
}
