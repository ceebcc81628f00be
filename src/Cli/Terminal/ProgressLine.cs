namespace Replay.Cli.Terminal;

/// <summary>
/// Progress on stderr: on a terminal one line that changes a few times a second, otherwise a plain line every ten seconds. Safe to
/// call from any thread; most calls cost a comparison.
/// </summary>
internal sealed class ProgressLine(CliConsole console, bool quiet) : IDisposable
{
    private static readonly TimeSpan TerminalInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly long _started = console.Time.GetTimestamp();
    private long _shown = console.Time.GetTimestamp();
    private int _width;

    private TextWriter Line => console.Progress ?? console.Error;

    public TimeSpan Elapsed => console.Time.GetElapsedTime(_started);

    /// <summary>Shows what <paramref name="text"/> makes of the elapsed time, if it is time to.</summary>
    public void Update(Func<TimeSpan, string> text)
    {
        if (quiet || console.Time.GetElapsedTime(_shown) < (console.ErrorIsTerminal ? TerminalInterval : PlainInterval))
            return;
        lock (_lock)
        {
            _shown = console.Time.GetTimestamp();
            var line = text(Elapsed);
            if (!console.ErrorIsTerminal)
            {
                console.Error.WriteLine(line);
                return;
            }

            // A line that the terminal breaks is not written over.
            if (console.Width is { } width && line.Length >= width)
                line = line[..(width - 1)];
            Line.Write($"\r{line.PadRight(_width)}");
            _width = line.Length;
        }
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_width > 0)
                Line.Write($"\r{new string(' ', _width)}\r");
            _width = 0;
        }
    }
}
