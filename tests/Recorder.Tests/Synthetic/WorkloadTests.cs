using Replay.Recorder.Synthetic;
using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Tests.Synthetic;

public class WorkloadTests
{
    public static TheoryData<string, string> EveryWorkloadInEveryMode()
    {
        var cases = new TheoryData<string, string>();
        foreach (var workload in WorkloadRegistry.All)
        {
            foreach (var mode in workload.Modes)
                cases.Add(workload.Name, PagingFormat.Name(mode));
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void Every_access_reaches_what_the_recorded_tables_say(string workload, string paging)
    {
        var guest = Streams.Check(SyntheticRecorder.Open(SmallRuns.Of(workload, paging)));

        Assert.Empty(guest.Contradictions);
        Assert.True(guest.Walks > 200, $"only {guest.Walks} accesses were checked");
    }

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void Ordinals_of_a_full_stream_are_consecutive_from_0(string workload, string paging)
    {
        var expected = 0L;
        foreach (var row in Streams.Rows(SyntheticRecorder.Open(SmallRuns.Of(workload, paging))))
        {
            if (row.Ordinal != expected)
                Assert.Fail($"ordinal {row.Ordinal} follows {expected - 1}");
            expected++;
        }
    }
}
