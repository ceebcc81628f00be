using Replay.Recorder.Synthetic;
using Replay.Replayer.SavedState;
using Replay.Replayer.Tests.Hardware;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>Replaying the touches of an index comes to the same as replaying every access: history, checks, walks, notes, counts.</summary>
public sealed class IndexedReplayTests
{
    public static TheoryData<string> Workloads() => [.. WorkloadRegistry.All.Select(workload => workload.Name)];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void Every_workload_replays_the_same_by_its_index(string workload)
    {
        using var capture = new CaptureFolder(new SyntheticSource(new SyntheticOptions { Workload = workload, MaxAccesses = 30_000 }), partAccesses: 8_000);

        foreach (var mode in MmuModes.All)
            AssertSame(capture, new ReplayOptions { Mode = mode }, workload);
    }

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.NptTdp)]
    [InlineData(MmuMode.Shadow)]
    public void Random_guests_of_several_vcpus_replay_the_same_by_their_index(MmuMode mode)
    {
        for (var seed = 1UL; seed <= 12; seed++)
        {
            using var capture = new CaptureFolder(new SyntheticSource(RandomGuests.Options(seed, togglesNx: true)), partAccesses: 3_000);

            AssertSame(capture, new ReplayOptions { Mode = mode }, $"seed {seed}");
        }
    }

    [Fact]
    public void What_the_host_does_between_two_events_is_seen_by_every_access()
    {
        using var capture = new CaptureFolder(new SyntheticSource(new SyntheticOptions { Workload = "random", MaxAccesses = 20_000 }), partAccesses: 8_000);
        var script = HostScript.Parse("{\"at\":9000,\"op\":\"invalidate\",\"gpa\":0,\"size\":\"0x40000000\"}\n{\"at\":15001,\"op\":\"age\",\"gpa\":0,\"size\":\"0x40000000\"}", "test");

        foreach (var mode in MmuModes.All)
            AssertSame(capture, new ReplayOptions { Mode = mode, HostScript = script }, "with a host script");
    }

    [Fact]
    public void Where_every_access_is_walked_nothing_is_left_out()
    {
        using var capture = new CaptureFolder(new SyntheticSource(new SyntheticOptions { Workload = "random", MaxAccesses = 5_000 }), partAccesses: 2_000);

        AssertSame(capture, new ReplayOptions { Mode = MmuMode.Shadow, UseTlb = false }, "without a TLB");
    }

    [Fact]
    public void A_replay_goes_on_from_a_state_saved_between_two_chunks()
    {
        using var capture = new CaptureFolder(new SyntheticSource(new SyntheticOptions { Workload = "random", MaxAccesses = 30_000 }), partAccesses: 6_000);
        var options = new ReplayOptions { Mode = MmuMode.Shadow };
        var whole = capture.Replay(options, byIndex: false);
        using var reader = CaptureReader.Open(capture.Path, new CaptureReaderOptions { TouchesOnly = true });
        var first = new ReplaySession(reader.Manifest, options, new RecordedHistory());
        var chunk = new TraceChunk();
        for (var i = 0; i < 3; i++)
        {
            Assert.True(reader.TryRead(chunk));
            first.Process(chunk);
        }

        var state = new StateBuffer();
        first.Save(state);
        var second = ReplaySession.Restore(new RecordedHistory(), state.Written);
        reader.Seek(second.Progress.Ordinal + 1);
        while (reader.TryRead(chunk))
            second.Process(chunk);

        AssertSame(whole, second.Finish(), "resumed");
    }

    private static void AssertSame(CaptureFolder capture, ReplayOptions options, string what) =>
        AssertSame(capture.Replay(options, byIndex: false), capture.Replay(options, byIndex: true), $"{what}, {options.Mode.Name()}");

    private static void AssertSame(ReplayResult every, ReplayResult indexed, string what)
    {
        Assert.True(every.HistoryHash == indexed.HistoryHash, $"{what}: another history");
        Assert.True(every.Accesses == indexed.Accesses, $"{what}: {every.Accesses} and {indexed.Accesses} accesses");
        Assert.Equal((every.Events, every.FirstOrdinal, every.LastOrdinal), (indexed.Events, indexed.FirstOrdinal, indexed.LastOrdinal));
        Assert.True(every.Verify.Checked == indexed.Verify.Checked, $"{what}: {every.Verify.Checked} and {indexed.Verify.Checked} checked");
        Assert.True(every.WalkReferences == indexed.WalkReferences, $"{what}: {every.WalkReferences} and {indexed.WalkReferences} entries read");
        Assert.Equal(every.Walks, indexed.Walks);
        Assert.Equal(every.NoteCounts, indexed.NoteCounts);
    }

    private sealed class CaptureFolder : IDisposable
    {
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("replay-index-");

        public CaptureFolder(ITraceSource source, long partAccesses)
        {
            Path = System.IO.Path.Combine(_folder.FullName, "x.capture");
            using var writer = CaptureWriter.Create(Path, source.Manifest, new CaptureWriterOptions { PartAccesses = partAccesses });
            var chunk = new TraceChunk();
            var accesses = 0L;
            while (source.TryRead(chunk))
            {
                writer.Write(chunk);
                accesses += chunk.AccessCount;
            }

            writer.Complete("guest-exit", accesses);
        }

        public string Path { get; }

        public ReplayResult Replay(ReplayOptions options, bool byIndex)
        {
            using var reader = CaptureReader.Open(Path, new CaptureReaderOptions { TouchesOnly = byIndex });
            var session = new ReplaySession(reader.Manifest, options, new RecordedHistory());
            var chunk = new TraceChunk();
            while (reader.TryRead(chunk))
            {
                if (chunk.AccessCount > 0)
                    Assert.Equal(byIndex, chunk.Touched is not null);
                session.Process(chunk);
            }

            Assert.Empty(reader.IndexProblems);
            return session.Finish();
        }

        public void Dispose() => _folder.Delete(recursive: true);
    }
}
