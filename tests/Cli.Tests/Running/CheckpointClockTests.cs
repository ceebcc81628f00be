using Replay.Cli.Replaying;

namespace Replay.Cli.Tests;

/// <summary>Checkpoints are as far apart as asked for, and further where they take long.</summary>
public sealed class CheckpointClockTests
{
    private static readonly TimeSpan Soon = TimeSpan.FromTicks(1);

    [Fact]
    public void The_first_is_due_after_the_interval()
    {
        Assert.True(After(new CheckpointClock(Soon)).IsDue(TimeSpan.Zero));
        Assert.False(After(new CheckpointClock(TimeSpan.FromHours(1))).IsDue(TimeSpan.Zero));
    }

    [Fact]
    public void The_next_is_not_due_before_a_hundred_times_what_the_last_took()
    {
        var clock = new CheckpointClock(Soon);
        clock.Restart();
        Assert.False(After(clock).IsDue(TimeSpan.FromMinutes(1)));
        Assert.True(clock.IsDue(Soon));
        Assert.False(clock.IsFirst);
    }

    [Fact]
    public void Without_an_interval_none_is_due() => Assert.False(After(new CheckpointClock(TimeSpan.Zero)).IsDue(TimeSpan.Zero));

    private static CheckpointClock After(CheckpointClock clock)
    {
        Thread.Sleep(1);
        return clock;
    }
}
