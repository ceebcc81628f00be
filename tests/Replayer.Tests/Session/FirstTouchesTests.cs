using Replay.Recorder.Synthetic;
using Replay.Replayer.Hardware;
using Replay.Replayer.Tests.Hardware;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>What several modes share while they replay one chunk may not be seen in any of them: neither in history nor in counts.</summary>
public sealed class FirstTouchesTests
{
    public static TheoryData<string, MmuMode> Runs()
    {
        var runs = new TheoryData<string, MmuMode>();
        foreach (var workload in WorkloadRegistry.All)
        {
            foreach (var mode in MmuModes.All)
                runs.Add(workload.Name, mode);
        }

        return runs;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Every_workload_replays_the_same_by_its_first_touches(string workload, MmuMode mode)
    {
        var options = new SyntheticOptions { Workload = workload, MaxAccesses = 40_000 };

        AssertSame(Replay(options, mode, useTlb: true, shared: false), Replay(options, mode, useTlb: true, shared: true), workload);
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Every_workload_has_the_history_it_has_when_nothing_is_remembered(string workload, MmuMode mode)
    {
        var options = new SyntheticOptions { Workload = workload, MaxAccesses = 10_000 };

        var full = Replay(options, mode, useTlb: false, shared: false);

        Assert.Equal(full.HistoryHash, Replay(options, mode, useTlb: true, shared: true).HistoryHash);
    }

    [Theory]
    [InlineData(MmuMode.Ept, true)]
    [InlineData(MmuMode.NptTdp, true)]
    [InlineData(MmuMode.Shadow, true)]
    [InlineData(MmuMode.Ept, false)]
    public void Random_guests_of_several_vcpus_replay_the_same_by_their_first_touches(MmuMode mode, bool useTlb)
    {
        for (var seed = 1UL; seed <= 15; seed++)
        {
            var options = RandomGuests.Options(seed, togglesNx: true);

            AssertSame(Replay(options, mode, useTlb, shared: false), Replay(options, mode, useTlb, shared: true), $"seed {seed}");
        }
    }

    [Fact]
    public void Of_a_page_touched_again_and_again_only_the_first_touch_counts()
    {
        var chunk = new TraceChunk();
        for (var i = 0; i < 10; i++)
            chunk.Add(i, 0, i < 5 ? AccessKind.Read : AccessKind.Write, AccessFlags.None, 0x1000 + ((ulong)i * 8), 0x5000 + ((ulong)i * 8), 8);
        var touches = new FirstTouches();

        touches.Find(chunk);

        Assert.Equal([0, 5], touches.Indices);
    }

    [Fact]
    public void An_event_or_another_vcpu_or_another_place_makes_a_touch_the_first_again()
    {
        var chunk = new TraceChunk();
        chunk.Add(0, 0, AccessKind.Read, AccessFlags.None, 0x1000, 0x5000, 8);
        chunk.Add(2, 0, AccessKind.Read, AccessFlags.None, 0x1000, 0x5000, 8);
        chunk.Add(3, 1, AccessKind.Read, AccessFlags.None, 0x1000, 0x5000, 8);
        chunk.Add(4, 1, AccessKind.Read, AccessFlags.None, 0x1000, 0x6000, 8);
        chunk.Add(5, 1, AccessKind.Read, AccessFlags.None, 0x1000, 0x6000, 8);
        chunk.Events.Add(new TraceEvent { Ordinal = 1, Kind = TraceEventKind.Invlpg, Gva = 0x1000 });
        var touches = new FirstTouches();

        touches.Find(chunk);

        Assert.Equal([0, 1, 2, 3], touches.Indices);
    }

    private static void AssertSame(ReplayResult alone, ReplayResult shared, string what)
    {
        Assert.True(alone.HistoryHash == shared.HistoryHash, $"{what}: another history");
        Assert.True(alone.Verify.Checked == shared.Verify.Checked, $"{what}: {alone.Verify.Checked} and {shared.Verify.Checked} checked");
        Assert.True(alone.WalkReferences == shared.WalkReferences, $"{what}: {alone.WalkReferences} and {shared.WalkReferences} entries read");
        Assert.Equal(alone.Walks, shared.Walks);
        Assert.Equal(alone.NoteCounts, shared.NoteCounts);
    }

    private static ReplayResult Replay(SyntheticOptions options, MmuMode mode, bool useTlb, bool shared)
    {
        var source = new SyntheticSource(options);
        var session = new ReplaySession(source.Manifest, new ReplayOptions { Mode = mode, UseTlb = useTlb }, new RecordedHistory());
        var touches = shared ? new FirstTouches() : null;
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            touches?.Find(chunk);
            session.Process(chunk, touches);
        }

        return session.Finish();
    }
}
