using Replay.Recorder.Synthetic;
using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

public class UsageTests
{
    [Theory]
    [InlineData("demand-pagin", "Did you mean 'demand-paging'?")]
    [InlineData("dirtylog", "Did you mean 'dirty-log'?")]
    [InlineData("quake", "choose from demand-paging, dirty-log,")]
    public void An_unknown_workload_is_answered_with_what_there_is(string typed, string answer)
    {
        var error = Assert.Throws<WorkloadUsageException>(() => WorkloadRegistry.Find(typed));

        Assert.Contains($"There is no workload \"{typed}\"", error.Message, StringComparison.Ordinal);
        Assert.Contains(answer, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fork-storm", "childrn", "2", "Workload fork-storm has no knob \"childrn\": choose from")]
    [InlineData("fork-storm", "children", "0", "Knob children of workload fork-storm cannot be \"0\": it takes a number from 1 to 1000.")]
    [InlineData("fork-storm", "children", "-1", "Knob children of workload fork-storm cannot be \"-1\": it takes a number from 1 to 1000.")]
    [InlineData("fork-storm", "children", "1e3", "Knob children of workload fork-storm cannot be \"1e3\": it takes a number from 1 to 1000.")]
    [InlineData("fork-storm", "iterations", "99999999999999999999", "Knob iterations of workload fork-storm cannot be \"99999999999999999999\": it takes a number from 1.")]
    [InlineData("fork-storm", "write-percent", "101", "Knob write-percent of workload fork-storm cannot be \"101\": it takes a number from 0 to 100.")]
    [InlineData("fork-storm", "memory", "1M", "Knob memory of workload fork-storm cannot be \"1M\": it takes bytes from 8M to 1024G, such as 64M.")]
    [InlineData("fork-storm", "memory", "9223372036854775807G", "Knob memory of workload fork-storm cannot be \"9223372036854775807G\": it takes bytes from 8M to 1024G, such as 64M.")]
    [InlineData("fork-storm", "pcid", "yes", "Knob pcid of workload fork-storm cannot be \"yes\": it takes true or false.")]
    [InlineData("fork-storm", "paging", "off", "Knob paging of workload fork-storm cannot be \"off\": it takes 32bit, pae, 4level, 5level.")]
    [InlineData("nonpaging", "paging", "pae", "Workload nonpaging has no knob \"paging\": choose from ")]
    public void A_knob_that_cannot_be_is_answered_in_one_line(string workload, string knob, string value, string answer)
    {
        var options = new SyntheticOptions { Workload = workload, Knobs = new Dictionary<string, string> { [knob] = value } };

        var error = Assert.Throws<WorkloadUsageException>(() => SyntheticRecorder.Open(options));

        Assert.StartsWith(answer, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void More_memory_than_a_mode_reaches_is_refused_when_the_recording_opens()
    {
        var options = SmallRuns.Of("fork-storm", "pae", seed: 1, ("memory", "2G"));

        var error = Assert.Throws<WorkloadUsageException>(() => SyntheticRecorder.Open(options));

        Assert.Contains("paging=pae reaches 768M", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_runs_out_of_memory_says_which_knobs_help()
    {
        var options = SmallRuns.Of("demand-paging", "4level", seed: 1, ("memory", "8M"), ("pages", "4000"));

        var error = Assert.Throws<WorkloadUsageException>(() => Streams.Rows(SyntheticRecorder.Open(options)).Count());

        Assert.Contains("raise the knob memory, or lower pages", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_may_be_written_with_a_suffix()
    {
        var options = SmallRuns.Of("sequential", "4level", seed: 1, ("memory", "65536k"));

        Assert.Equal(64UL << 20, SyntheticRecorder.Open(options).Manifest.MemoryBytes);
    }

    [Fact]
    public void Every_workload_and_knob_tells_what_it_is()
    {
        foreach (var workload in WorkloadRegistry.All)
        {
            Assert.EndsWith(".", workload.Description, StringComparison.Ordinal);
            Assert.Equal(workload.AllKnobs.Count, workload.AllKnobs.DistinctBy(knob => knob.Name).Count());
            Assert.All(workload.AllKnobs, knob => Assert.NotEqual("", knob.Meaning));
            // The constructor checks the defaults as well as what is given.
            var defaults = workload.AllKnobs.ToDictionary(knob => knob.Name, knob => knob.Default);
            Assert.Equal(defaults.Count, new KnobValues(workload.Name, workload.AllKnobs, defaults).Texts.Count);
        }
        Assert.Equal(WorkloadRegistry.All.Count, WorkloadRegistry.All.DistinctBy(workload => workload.Name).Count());
    }

    [Fact]
    public void The_manifest_tells_how_the_stream_was_made_and_how_it_ended()
    {
        var options = SmallRuns.Of("sequential", "pae", seed: 9) with { Filter = new FilterRule { Entries = 64, EpochLength = 4096 } };
        var source = SyntheticRecorder.Open(options);
        Assert.Null(source.Manifest.EndReason);
        var rows = Streams.Rows(source).Count();

        var manifest = source.Manifest;
        Assert.Equal("synthetic", manifest.Source);
        Assert.Equal("sequential", manifest.Origin["workload"]);
        Assert.Equal("9", manifest.Origin["seed"]);
        Assert.Equal("pae", manifest.Origin["knob.paging"]);
        Assert.Equal("20000", manifest.Origin["knob.accesses"]);
        Assert.Equal(4096, manifest.Filter!.EpochLength);
        Assert.Equal("guest-exit", manifest.EndReason);
        Assert.True(manifest.AccessesSeen > rows);
    }

    [Fact]
    public void A_recording_can_be_bounded()
    {
        var source = SyntheticRecorder.Open(SmallRuns.Of("sequential", "off") with { MaxAccesses = 5000 });
        var accesses = Streams.Rows(source).Count(row => row.Event is null);

        Assert.InRange(accesses, 5000, 5000 + 4096);
        Assert.Equal("max-accesses", source.Manifest.EndReason);
    }

    [Fact]
    public void Every_paging_mode_has_a_workload_and_a_name()
    {
        foreach (var mode in Enum.GetValues<SyntheticPaging>())
        {
            Assert.NotEqual("", PagingFormat.Name(mode));
            Assert.Contains(WorkloadRegistry.All, workload => workload.Modes.Contains(mode));
        }
    }
}
