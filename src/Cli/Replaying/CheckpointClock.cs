using System.Diagnostics;

namespace Replay.Cli.Replaying;

/// <summary>
/// When to save a checkpoint: so far apart as asked for, and further where the last one took more than one part in a hundred of that.
/// When does not matter to what: the history is the same with and without.
/// </summary>
internal sealed class CheckpointClock(TimeSpan interval)
{
    private const int CostShare = 100;

    private readonly Stopwatch _since = Stopwatch.StartNew();

    /// <summary>None was saved yet.</summary>
    public bool IsFirst { get; private set; } = true;

    /// <param name="lastTook">Time that the last one took, in all threads.</param>
    public bool IsDue(TimeSpan lastTook) => interval > TimeSpan.Zero && _since.Elapsed >= interval && _since.Elapsed >= lastTook * CostShare;

    /// <summary>One was saved.</summary>
    public void Restart()
    {
        IsFirst = false;
        _since.Restart();
    }
}
