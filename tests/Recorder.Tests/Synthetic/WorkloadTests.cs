using System.Collections.Concurrent;
using Replay.Recorder.Synthetic;
using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Tests.Synthetic;

public class WorkloadTests
{
    // Two facts are told of one reading of each stream.
    private static readonly ConcurrentDictionary<(string Workload, string Paging), NaiveGuest> Guests = new();

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
        var guest = Checked(workload, paging);

        Assert.Empty(guest.Contradictions);
        Assert.True(guest.Walks > 200, $"only {guest.Walks} accesses were checked");
    }

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void A_cpu_that_never_forgets_a_translation_unasked_meets_no_stale_one(string workload, string paging)
    {
        var guest = Checked(workload, paging);

        Assert.Null(guest.FirstStaleUse);
    }

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void Several_vcpus_with_pcids_are_as_right_as_one(string workload, string paging)
    {
        var knobs = WorkloadRegistry.Find(workload).AllKnobs;
        (string, string)[] wanted = [("vcpus", "3"), ("pcid", "true"), ("pse", "false")];
        var options = SmallRuns.Of(workload, paging, seed: 3, [.. wanted.Where(knob => knobs.Any(known => known.Name == knob.Item1))]);

        var guest = Streams.Check(SyntheticRecorder.Open(options));

        Assert.Empty(guest.Contradictions);
        Assert.Null(guest.FirstStaleUse);
    }

    [Theory]
    [InlineData("32bit")]
    [InlineData("4level")]
    public void A_guest_told_to_leave_out_flushes_meets_stale_translations(string paging)
    {
        var guest = Streams.Check(SyntheticRecorder.Open(SmallRuns.Of("random", paging, seed: 1, ("stale", "true"), ("operations", "4000"))));

        Assert.Empty(guest.Contradictions);
        Assert.True(guest.StaleUses > 0);
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

    private static NaiveGuest Checked(string workload, string paging)
        => Guests.GetOrAdd((workload, paging), run => Streams.Check(SyntheticRecorder.Open(SmallRuns.Of(run.Workload, run.Paging))));
}
