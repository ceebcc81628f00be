using Replay.Recorder.Synthetic;
using Replay.Replayer.History;
using Replay.Replayer.Session;

namespace Replay.Replayer.Tests.Session;

/// <summary>Whose fault it is that a replay stopped: a full disk is none of the model's.</summary>
public sealed class FailureTests
{
    [Fact]
    public void A_history_that_cannot_be_stored_says_so_itself()
    {
        var failure = Assert.Throws<IOException>(() => Replay(new IOException("disk full")));
        Assert.Equal("disk full", failure.Message);
    }

    [Fact]
    public void Anything_else_is_a_bug_and_comes_with_the_place_where_it_happened()
    {
        var failure = Assert.Throws<InvariantViolation>(() => Replay(new InvalidOperationException("no such thing")));
        Assert.Contains("ordinal ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("no such thing", failure.Message, StringComparison.Ordinal);
    }

    private static void Replay(Exception failure) => ReplaySession.Run(
        new SyntheticSource(new SyntheticOptions { Workload = "random", MaxAccesses = 1_000 }), new ReplayOptions { Mode = MmuMode.Ept }, new FailingHistory(failure));

    private sealed class FailingHistory(Exception failure) : ForwardingHistory(new SilentHistory())
    {
        public override void OnWrite(in TableWrite record) => throw failure;
    }
}
