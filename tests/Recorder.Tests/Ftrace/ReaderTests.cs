using System.IO.Compression;
using System.Text;
using Replay.Recorder.Ftrace;

namespace Replay.Recorder.Tests.Ftrace;

/// <summary>Whole traces: their forms, what they lost, what is wrong with them.</summary>
public sealed class ReaderTests
{
    [Theory]
    [InlineData("amd-npt-lm2m.thp")]
    [InlineData("amd-npt-tdp-ptemod.thp")]
    [InlineData("intel-ept-tdp-mmio.4k")]
    [InlineData("intel-ept-nopg.thp")]
    [InlineData("amd-shadow-mmio.4k")]
    [InlineData("intel-shadow-nopg.thp")]
    public void Every_event_of_a_real_trace_is_taken(string name)
    {
        var listing = Listing.Of(TestTraces.Read($"{name}.trace.gz"));
        var expected = File.ReadLines(Path.Combine(TestTraces.Folder, $"{name}.counts.txt"))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(fields => fields[1], fields => long.Parse(fields[0]));
        Assert.Equal(expected.OrderBy(pair => pair.Key, StringComparer.Ordinal), listing.Names);
        Assert.Empty(listing.Damaged);
        Assert.False(listing.Summary.Truncated);
    }

    [Theory]
    [InlineData("trace-cmd-report.txt", 7, 6, 17)]
    [InlineData("perf-script.txt", 6, 6, 42)]
    [InlineData("linux-3.6.txt", 7, 6, 0)]
    [InlineData("linux-4.19.txt", 7, 7, 0)]
    [InlineData("linux-6.8.txt", 6, 6, 0)]
    public void Every_tool_and_kernel_has_its_form(string name, long events, long typed, long lost)
    {
        var listing = Listing.Of(TestTraces.Read(name));
        Assert.Empty(listing.Damaged);
        Assert.Equal((events, typed, lost), (listing.Summary.Events, listing.Summary.TypedEvents, listing.Summary.LostEvents));
    }

    [Theory]
    [InlineData("       vmm-277     [000] .....        74859: e: x", "vmm", 277, 0, 74859L)]
    [InlineData(" CPU 0/KVM-2343  [001] d..1. 1234.567890: e: x", "CPU 0/KVM", 2343, 1, 1234_567890_000L)]
    [InlineData(" CPU 0/KVM-2343    (   2300) [001] d..1. 1234.567890: e: x", "CPU 0/KVM", 2343, 1, 1234_567890_000L)]
    [InlineData("  <...>-2343  [063]  1234.567890123: e: x", "<...>", 2343, 63, 1234_567890_123L)]
    [InlineData("  odd[1] name-7 [002] .... 1.5: e: x", "odd[1] name", 7, 2, 1_500000_000L)]
    [InlineData("  CPU 0/KVM  2343/2350 [001]  1234.567890:  1 kvm:e: x", "CPU 0/KVM", 2350, 1, 1234_567890_000L)]
    public void The_head_of_a_line_is_read_in_each_form(string line, string task, int pid, int cpu, long time)
    {
        Assert.True(LineHead.TryParse(Encoding.Latin1.GetBytes(line), out var head));
        Assert.Equal((task, pid, cpu, time), (Encoding.Latin1.GetString(head.Task), head.Pid, head.Cpu, head.Time));
        Assert.Equal(("e", "x"), (Encoding.Latin1.GetString(head.Name), Encoding.Latin1.GetString(head.Text)));
    }

    [Theory]
    [InlineData("CPU:2 [LOST 1234 EVENTS]", "lost before 1, CPU 2, 1234 events")]
    [InlineData("CPU:2 [LOST EVENTS]", "lost before 1, CPU 2, -1 events")]
    [InlineData("CPU:2 [1234 EVENTS DROPPED]", "lost before 1, CPU 2, 1234 events")]
    [InlineData("CPU:2 [EVENTS DROPPED]", "lost before 1, CPU 2, -1 events")]
    [InlineData("# entries-in-buffer/entries-written: 10/30   #P:1", "lost before 1, CPU -1, 20 events")]
    public void Lost_events_are_told_where_they_were_lost(string marker, string expected)
    {
        var listing = Listing.Of($" vmm-1 [000] ..... 1.0: kvm_entry: vcpu 0\n{marker}\n vmm-1 [000] ..... 2.0: kvm_entry: vcpu 0\n");
        Assert.Equal(expected, listing.Lines[1]);
        Assert.Equal((2L, 1L), (listing.Summary.Events, listing.Summary.LossMarkers));
        Assert.Empty(listing.Damaged);
    }

    [Fact]
    public void Damaged_lines_are_named_by_their_number_and_left_out()
    {
        var listing = Listing.Of(" vmm-1 [000] ..... 1.0: kvm_entry: vcpu 0\n\nvmm-1 [0\n vmm-1 [000] ..... x: kvm_ent vcpu 0\n vmm-1 [000] ..... 2.0: kvm_entry: vcpu 1\n");
        Assert.Equal([3L, 4L], listing.Damaged.Select(damage => damage.Line));
        Assert.Equal((2L, 2L), (listing.Summary.Events, listing.Summary.DamagedLines));
    }

    [Fact]
    public void Line_ends_of_another_system_change_nothing()
    {
        var text = Encoding.Latin1.GetString(TestTraces.Read("amd-npt-lm2m.thp.trace.gz"));
        Assert.Equal(Listing.Of(text).Lines, Listing.Of(text.Replace("\n", "\r\n", StringComparison.Ordinal)).Lines);
    }

    [Fact]
    public void A_line_that_the_end_cuts_is_left_out()
    {
        // A value that is cut off would be another value.
        var listing = Listing.Of(" vmm-1 [000] ..... 1.0: kvm_entry: vcpu 0\n vmm-1 [000] ..... 2.0: kvm_mmu_set_spte: gfn 100 spte 65aee67 (rwxu) level 1 at e8f");
        Assert.True(listing.Summary.Truncated);
        Assert.Equal(1, listing.Summary.Events);
        Assert.Equal(2, Assert.Single(listing.Damaged).Line);
    }

    [Fact]
    public void A_line_of_any_length_is_survived()
    {
        var listing = Listing.Of($" vmm-1 [000] ..... 1.0: x: {new string('a', 5 << 20)}\n vmm-1 [000] ..... 2.0: kvm_entry: vcpu 0\n");
        Assert.Equal((1L, 2L), (listing.Summary.Events, listing.Summary.Lines));
        Assert.Equal(1, Assert.Single(listing.Damaged).Line);
    }

    [Fact]
    public void A_compressed_trace_that_breaks_off_is_read_as_far_as_it_goes()
    {
        using var folder = new TemporaryFile(File.ReadAllBytes(Path.Combine(TestTraces.Folder, "amd-shadow-mmio.4k.trace.gz"))[..12000]);
        using var input = FtraceInput.Open(folder.Path);
        Assert.Equal(HostPaging.Shadow, input.Survey(TestContext.Current.CancellationToken).Paging);
        var listing = new Listing();
        var summary = FtraceReader.Read(input.Text, listing, listing, cancellation: TestContext.Current.CancellationToken);
        Assert.True(summary.Truncated);
        Assert.True(summary.Events > 100);
    }

    [Fact]
    public void Compressed_or_not_a_trace_has_the_same_hash()
    {
        var text = TestTraces.Read("linux-6.8.txt");
        using var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(text);
        using var plainFile = new TemporaryFile(text);
        using var zippedFile = new TemporaryFile(zipped.ToArray());
        Assert.Equal(Hash(plainFile.Path), Hash(zippedFile.Path));

        static string Hash(string path)
        {
            using var input = FtraceInput.Open(path);
            FtraceReader.Read(input.Text, new Listing(), cancellation: TestContext.Current.CancellationToken);
            return input.Hash();
        }
    }
}
