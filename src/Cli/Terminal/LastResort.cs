using System.Globalization;

namespace Replay.Cli.Terminal;

/// <summary>
/// Ends the process where a verb that only reads does not come to its end when it is asked to, or its time is over: SQLite looks at neither
/// inside one function, and some functions take as long as their arguments want.
/// </summary>
internal sealed class LastResort : IDisposable
{
    /// <summary>Anything that looks at the clock has seen by then that it must stop.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(0.5);

    private readonly Timer _timer;
    private readonly CancellationTokenRegistration _registration;

    /// <param name="time">The verb's time; null: no limit.</param>
    /// <param name="tell">Told in words why the process ends.</param>
    /// <param name="cancellation">Asks the verb to stop.</param>
    public LastResort(TimeSpan? time, Action<string> tell, CancellationToken cancellation)
    {
        _timer = new Timer(
            _ =>
            {
                tell(cancellation.IsCancellationRequested
                    ? "interrupted"
                    : string.Create(CultureInfo.InvariantCulture, $"stopped after {time!.Value.TotalSeconds:0.###} s (--timeout), inside one function of SQLite. --timeout 0 lets it run to its end."));
                Environment.Exit(ExitCode.Interrupted);
            },
            null,
            time is { } limit ? limit + Grace : Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _registration = cancellation.Register(() => _timer.Change(Grace, Timeout.InfiniteTimeSpan));
    }

    public void Dispose()
    {
        _registration.Dispose();
        _timer.Dispose();
    }
}
