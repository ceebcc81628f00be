using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

public class DeterminismTests
{
    public static TheoryData<string, string> EveryWorkloadInEveryMode() => WorkloadTests.EveryWorkloadInEveryMode();

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void A_seed_gives_the_same_stream_every_time(string workload, string paging)
    {
        var options = SmallRuns.Of(workload, paging, seed: 7);

        Assert.Equal(StreamHash.Of(SyntheticRecorder.Open(options)), StreamHash.Of(SyntheticRecorder.Open(options)));
    }
}
