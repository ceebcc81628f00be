using CsCheck;
using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

public class RandomWorkloadTests
{
    private static readonly string[] Pagings = ["off", "32bit", "pae", "4level", "5level"];

    private static readonly Gen<SyntheticOptions> RandomRun = Gen.Select(
        Gen.ULong, Gen.Int[0, 4], Gen.Int[1, 3], Gen.Int[0, 3], Gen.Int[1, 6], Gen.Int[1, 4], Gen.Int[1, 12], Gen.Int[0, 2],
        (seed, paging, vcpus, features, tables, spaces, edits, host) => SmallRuns.Of(
            "random",
            Pagings[paging],
            seed,
            ("operations", "600"),
            ("vcpus", $"{vcpus}"),
            ("pcid", (features & 1) != 0 ? "true" : "false"),
            ("pkeys", (features & 2) != 0 ? "true" : "false"),
            ("tables", $"{tables}"),
            ("spaces", $"{spaces}"),
            ("edits", $"{edits}"),
            ("host-percent", $"{host}")));

    [Fact]
    public void Any_random_guest_is_right_with_and_without_a_tlb()
        => RandomRun.Sample(
            options =>
            {
                var guest = Streams.Check(SyntheticRecorder.Open(options));
                Assert.Empty(guest.Contradictions);
                Assert.Null(guest.FirstStaleUse);
            },
            iter: 60,
            threads: 1,
            print: options => $"seed {options.Seed} {string.Join(' ', options.Knobs.Select(knob => $"{knob.Key}={knob.Value}"))}");

    [Theory]
    [InlineData("32bit")]
    [InlineData("pae")]
    [InlineData("4level")]
    [InlineData("5level")]
    public void A_random_guest_meets_faults_device_pages_large_pages_and_tables_it_stores_to_itself(string paging)
    {
        var rows = Streams.Rows(SyntheticRecorder.Open(SmallRuns.Of("random", paging, seed: 5, ("operations", "6000")))).ToList();
        var events = rows.Where(row => row.Event is not null).Select(row => row.Event!.Value).ToList();

        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.Mmio);
        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.Invlpg);
        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.PageTableStore && row.Flags == Trace.AccessFlags.User);
        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.GuestPageFault && (row.ErrorCode & 1) == 0);
        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.GuestPageFault && (row.ErrorCode & 9) == 1);
        Assert.Contains(events, row => row.Kind == Trace.TraceEventKind.GuestPageFault && (row.ErrorCode & 9) == 9);
    }

    [Fact]
    public void Memory_above_the_device_hole_is_refused_in_one_line()
    {
        var source = new SyntheticOptions { Workload = "random", Knobs = new Dictionary<string, string> { ["memory"] = "4G" } };

        var error = Assert.Throws<WorkloadUsageException>(() => Streams.Rows(SyntheticRecorder.Open(source)).Count());

        Assert.DoesNotContain('\n', error.Message);
    }
}
