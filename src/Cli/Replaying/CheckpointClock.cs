using System.Diagnostics;

namespace Replay.Cli.Replaying;

/// <summary>
/// When to save a checkpoint: so far apart as asked for, and further where saving takes long, so that it never costs more than one part
/// in a hundred of the time. When does not matter to what: the history is the same with and without.
/// </summary>
internal sealed class CheckpointClock(TimeSpan interval)
{
    private const int CostShare = 100;

    private readonly Stopwatch _since = Stopwatch.StartNew();
    private TimeSpan _lastCost;

    /// <summary>Time spent on saving, in the replay's thread.</summary>
    public TimeSpan Cost { get; private set; }

    public int Count { get; private set; }

    public bool IsDue => interval > TimeSpan.Zero && _since.Elapsed >= interval && _since.Elapsed >= _lastCost * CostShare;

    public void Time(Action save)
    {
        var start = Stopwatch.GetTimestamp();
        save();
        _lastCost = Stopwatch.GetElapsedTime(start);
        Cost += _lastCost;
        Count++;
        _since.Restart();
    }
}
