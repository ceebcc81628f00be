using Replay.Recorder.Synthetic;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer.Tests.SavedState;

/// <summary>A session that is saved, thrown away and restored goes on as if nothing had happened.</summary>
public sealed class SessionStateTests
{
    private const long Accesses = 250_000;

    public static TheoryData<string, MmuMode, bool, long> Runs()
    {
        var runs = new TheoryData<string, MmuMode, bool, long>();
        foreach (var mode in MmuModes.All)
        {
            runs.Add("random", mode, false, 9973);
            runs.Add("dirty-log", mode, true, 97);
            runs.Add("fork-storm", mode, false, 9973);
        }

        return runs;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_replay_resumed_at_every_chunk_gives_the_history_of_one_that_was_not(string workload, MmuMode mode, bool hugePages, long slice)
    {
        var options = new ReplayOptions { Mode = mode, Backing = hugePages ? HostBacking.Thp : HostBacking.Pages4K };
        var whole = new Kvm.Recorder();
        var expected = ReplaySession.Run(Whole(workload), options, whole, cancellation: TestContext.Current.CancellationToken);

        var source = Source(workload, slice);
        var history = new Kvm.Recorder();
        var session = new ReplaySession(source.Manifest, options, history);
        var state = new StateBuffer();
        var chunk = new TraceChunk();
        var resumed = 0;
        while (source.TryRead(chunk))
        {
            session.Process(chunk);
            state.Clear();
            session.Save(state);
            session = ReplaySession.Restore(history, state.Written);
            resumed++;
        }

        var result = session.Finish();
        Assert.True(resumed > 2, "too few chunks to say anything");
        Assert.Equal(expected.HistoryHash, result.HistoryHash);
        Assert.Equivalent(expected, result, strict: true);
        Assert.Equal(whole.Writes, history.Writes);
        Assert.Equal(whole.Pages, history.Pages);
        Assert.Equal(whole.Faults, history.Faults);
        Assert.Equal(whole.Exits, history.Exits);
        Assert.Equal(whole.Notes, history.Notes);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Saved_restored_and_saved_again_is_the_same_byte_for_byte(string workload, MmuMode mode, bool hugePages, long slice)
    {
        var options = new ReplayOptions { Mode = mode, Backing = hugePages ? HostBacking.Thp : HostBacking.Pages4K };
        var source = Source(workload, slice);
        var history = new Kvm.Recorder();
        var session = new ReplaySession(source.Manifest, options, history);
        var chunk = new TraceChunk();
        var (first, second) = (new StateBuffer(), new StateBuffer());
        while (source.TryRead(chunk))
        {
            session.Process(chunk);
            first.Clear();
            second.Clear();
            session.Save(first);
            ReplaySession.Restore(history, first.Written).Save(second);
            Assert.True(first.Written.SequenceEqual(second.Written), $"behind ordinal {session.Progress.Ordinal}");
        }
    }

    [Fact]
    public void Saving_changes_nothing()
    {
        var options = new ReplayOptions { Mode = MmuMode.Shadow };
        var source = Source("random", 9973);
        var session = new ReplaySession(source.Manifest, options, new Kvm.Recorder());
        var chunk = new TraceChunk();
        Assert.True(source.TryRead(chunk));
        session.Process(chunk);
        var (first, second) = (new StateBuffer(), new StateBuffer());
        session.Save(first);
        session.Save(second);
        Assert.True(first.Written.SequenceEqual(second.Written));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_damaged_state_is_refused(int quarter)
    {
        var options = new ReplayOptions { Mode = MmuMode.Ept };
        var source = Source("demand-paging", 9973);
        var session = new ReplaySession(source.Manifest, options, new Kvm.Recorder());
        var state = new StateBuffer();
        session.Save(state);
        var cut = state.Written[..(state.Length * quarter / 4)].ToArray();
        Assert.Throws<StateException>(() => ReplaySession.Restore(new Kvm.Recorder(), cut));
    }

    private static SyntheticSource Whole(string workload) => new(new SyntheticOptions { Workload = workload, MaxAccesses = Accesses });

    private static SlicedSource Source(string workload, long slice) =>
        new(Whole(workload), slice);
}
