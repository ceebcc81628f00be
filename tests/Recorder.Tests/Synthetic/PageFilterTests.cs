using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

public class PageFilterTests
{
    private const byte Read = (byte)AccessKind.Read;
    private const byte Write = (byte)AccessKind.Write;
    private const byte Fetch = (byte)AccessKind.Fetch;

    private static readonly FilterRule Rule = new() { Entries = 64, EpochLength = 1000 };

    [Fact]
    public void An_access_is_dropped_when_its_page_kind_and_privilege_were_just_recorded()
    {
        var filter = new PageFilter(Rule);

        Assert.True(filter.Admits(1, 0, Read, 0, 0x5000));
        Assert.False(filter.Admits(2, 0, Read, 0, 0x5ff8));
        Assert.Equal(1, filter.Dropped);
    }

    [Theory]
    [InlineData(1, Read, AccessFlags.None, 0x5000)]
    [InlineData(0, Write, AccessFlags.None, 0x5000)]
    [InlineData(0, Fetch, AccessFlags.None, 0x5000)]
    [InlineData(0, Read, AccessFlags.User, 0x5000)]
    [InlineData(0, Read, AccessFlags.AlignmentCheck, 0x5000)]
    [InlineData(0, Read, AccessFlags.None, 0x6000)]
    [InlineData(0, Read, AccessFlags.None, 0xffff_8000_0000_5000)]
    public void Another_vcpu_kind_privilege_or_page_is_another_access(byte vcpu, byte kind, AccessFlags flags, ulong gva)
    {
        var filter = new PageFilter(Rule);
        filter.Admits(1, 0, Read, 0, 0x5000);

        Assert.True(filter.Admits(2, vcpu, kind, (byte)flags, gva));
    }

    [Theory]
    [InlineData(TraceEventKind.Cr0Write)]
    [InlineData(TraceEventKind.Cr3Write)]
    [InlineData(TraceEventKind.Cr4Write)]
    [InlineData(TraceEventKind.EferWrite)]
    [InlineData(TraceEventKind.PkruWrite)]
    [InlineData(TraceEventKind.Invlpg)]
    [InlineData(TraceEventKind.Invpcid)]
    [InlineData(TraceEventKind.PageTableStore)]
    [InlineData(TraceEventKind.VcpuState)]
    [InlineData(TraceEventKind.Memslot)]
    [InlineData(TraceEventKind.HostInvalidate)]
    [InlineData(TraceEventKind.HostChangePte)]
    [InlineData(TraceEventKind.HostAge)]
    [InlineData(TraceEventKind.DirtyLogOn)]
    [InlineData(TraceEventKind.DirtyLogOff)]
    [InlineData(TraceEventKind.DirtyLogGet)]
    [InlineData(TraceEventKind.Marker)]
    [InlineData(TraceEventKind.Lost)]
    public void A_flush_point_makes_every_vcpu_forget(TraceEventKind kind)
    {
        var filter = new PageFilter(Rule);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.Admits(2, 1, Read, 0, 0x5000);
        filter.See(kind);

        Assert.True(filter.Admits(4, 0, Read, 0, 0x5000));
        Assert.True(filter.Admits(5, 1, Read, 0, 0x5000));
    }

    [Theory]
    [InlineData(TraceEventKind.Mmio)]
    [InlineData(TraceEventKind.ImplicitAccess)]
    [InlineData(TraceEventKind.PageImage)]
    [InlineData(TraceEventKind.GuestPageFault)]
    [InlineData(TraceEventKind.Delivery)]
    public void Other_events_make_nothing_forgotten(TraceEventKind kind)
    {
        var filter = new PageFilter(Rule);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.See(kind);

        Assert.False(filter.Admits(3, 0, Read, 0, 0x5000));
    }

    [Fact]
    public void An_epoch_begins_at_every_multiple_of_its_length()
    {
        var filter = new PageFilter(Rule);
        filter.Admits(998, 0, Read, 0, 0x5000);

        Assert.False(filter.Admits(999, 0, Read, 0, 0x5000));
        Assert.True(filter.Admits(1000, 0, Read, 0, 0x5000));
        Assert.False(filter.Admits(1999, 0, Read, 0, 0x5000));
        Assert.True(filter.Admits(5003, 0, Read, 0, 0x5000));
        Assert.False(filter.Admits(5999, 0, Read, 0, 0x5000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(48)]
    public void A_table_length_that_is_no_power_of_two_is_refused(int entries)
        => Assert.Throws<ArgumentException>(() => new PageFilter(Rule with { Entries = entries }));

    [Fact]
    public void An_unknown_flush_name_is_refused()
        => Assert.Throws<ArgumentException>(() => new PageFilter(Rule with { FlushOn = ["sunset"] }));

    public static TheoryData<string, string> EveryWorkloadInEveryMode() => WorkloadTests.EveryWorkloadInEveryMode();

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void A_filtered_stream_is_the_full_one_without_accesses_seen_since_the_last_flush(string workload, string paging)
    {
        var rule = new FilterRule { Entries = 256, EpochLength = 512 };
        var options = SmallRuns.Of(workload, paging);
        var full = Streams.Rows(SyntheticRecorder.Open(options with { HostEventAlignment = rule.EpochLength })).ToList();
        var filtered = Streams.Rows(SyntheticRecorder.Open(options with { Filter = rule })).ToList();

        var seen = new HashSet<(byte, AccessKind, AccessFlags, ulong)>();
        var next = 0;
        foreach (var row in full)
        {
            if (row.Ordinal % rule.EpochLength == 0 || (row.Event is { } what && IsFlush(what.Kind)))
                seen.Clear();
            var key = (row.Vcpu, row.Kind, row.Flags, row.Gva >> 12);
            if (next < filtered.Count && filtered[next].Ordinal == row.Ordinal)
            {
                Assert.True(Same(row, filtered[next]), $"ordinal {row.Ordinal} differs");
                next++;
                if (row.Event is null)
                    seen.Add(key);
                continue;
            }
            Assert.True(row.Event is null, $"event {row.Ordinal} was dropped");
            Assert.True(seen.Contains(key), $"access {row.Ordinal} was dropped, but it is the first of its kind since the last flush");
        }
        Assert.Equal(filtered.Count, next);
        Assert.True(filtered.Count < full.Count);
    }

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void Host_events_of_a_filtered_recording_stand_on_epoch_boundaries(string workload, string paging)
    {
        var rule = new FilterRule { Entries = 256, EpochLength = 512 };
        var previousWasHost = true;
        foreach (var row in Streams.Rows(SyntheticRecorder.Open(SmallRuns.Of(workload, paging) with { Filter = rule })))
        {
            var isHost = row.Event is { Kind: TraceEventKind.Memslot or (>= TraceEventKind.HostInvalidate and <= TraceEventKind.DirtyLogGet) };
            if (isHost && !previousWasHost)
                Assert.Equal(0, row.Ordinal % rule.EpochLength);
            previousWasHost = isHost;
        }
    }

    [Fact]
    public void A_filtering_sink_passes_on_what_a_filtered_source_gives()
    {
        var rule = new FilterRule { Entries = 128, EpochLength = 4096 };
        var options = SmallRuns.Of("demand-paging", "4level");
        var sink = new ListSink();
        SyntheticRecorder.Record(options, new FilteringSink(sink, rule), cancel: TestContext.Current.CancellationToken);

        var expected = Streams.Rows(new FilteringSource(SyntheticRecorder.Open(options), rule)).ToList();
        Assert.Equal(expected.Count, sink.Rows.Count);
        Assert.All(expected.Zip(sink.Rows), pair => Assert.True(Same(pair.First, pair.Second)));
    }

    private static bool IsFlush(TraceEventKind kind)
        => kind is TraceEventKind.PageTableStore or TraceEventKind.VcpuState or TraceEventKind.Memslot or TraceEventKind.Lost
            || (kind >= TraceEventKind.Cr0Write && kind <= TraceEventKind.Invpcid)
            || (kind >= TraceEventKind.HostInvalidate && kind <= TraceEventKind.DirtyLogGet);

    private static bool Same(Streams.Row a, Streams.Row b)
        => a.Event is { } x && b.Event is { } y
            ? x with { Data = null } == y with { Data = null } && (x.Data ?? []).AsSpan().SequenceEqual(y.Data ?? [])
            : a == b;

    private sealed class ListSink : ITraceSink
    {
        public List<Streams.Row> Rows { get; } = [];

        public void Write(TraceChunk chunk) => Rows.AddRange(Streams.Rows(chunk));
    }
}
