using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

public class PageFilterTests
{
    private const byte Read = (byte)AccessKind.Read;
    private const byte Write = (byte)AccessKind.Write;
    private const byte Fetch = (byte)AccessKind.Fetch;
    private const ulong Ram = 1 << 24;

    private static readonly FilterRule Rule = new() { Entries = 64, EpochLength = 1000 };

    [Fact]
    public void An_access_is_dropped_when_its_page_kind_and_privilege_were_just_recorded()
    {
        var filter = new PageFilter(Rule, Ram);

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
        var filter = new PageFilter(Rule, Ram);
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
    [InlineData(TraceEventKind.PageImage)]
    [InlineData(TraceEventKind.GuestPageFault)]
    [InlineData(TraceEventKind.Memslot)]
    [InlineData(TraceEventKind.HostInvalidate)]
    [InlineData(TraceEventKind.HostChangePte)]
    [InlineData(TraceEventKind.HostAge)]
    [InlineData(TraceEventKind.DirtyLogOn)]
    [InlineData(TraceEventKind.DirtyLogOff)]
    [InlineData(TraceEventKind.DirtyLogGet)]
    [InlineData(TraceEventKind.Marker)]
    [InlineData(TraceEventKind.NestedEnter)]
    [InlineData(TraceEventKind.NestedExit)]
    [InlineData(TraceEventKind.Invlpga)]
    [InlineData(TraceEventKind.Lost)]
    public void A_flush_point_makes_every_vcpu_forget(TraceEventKind kind)
    {
        var filter = new PageFilter(Rule, Ram);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.Admits(2, 1, Read, 0, 0x5000);
        filter.See(new TraceEvent { Ordinal = 3, Kind = kind });

        Assert.True(filter.Admits(4, 0, Read, 0, 0x5000));
        Assert.True(filter.Admits(5, 1, Read, 0, 0x5000));
    }

    [Theory]
    [InlineData(TraceEventKind.Mmio)]
    [InlineData(TraceEventKind.ImplicitAccess)]
    [InlineData(TraceEventKind.Delivery)]
    public void Other_events_make_nothing_forgotten(TraceEventKind kind)
    {
        var filter = new PageFilter(Rule, Ram);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.See(new TraceEvent { Ordinal = 3, Kind = kind });

        Assert.False(filter.Admits(3, 0, Read, 0, 0x5000));
    }

    [Fact]
    public void A_vcpu_state_makes_every_vcpu_forget()
    {
        var filter = new PageFilter(Rule, Ram);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.See(Paging(ordinal: 2, vcpu: 1));

        Assert.True(filter.Admits(3, 0, Read, 0, 0x5000));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    public void A_fault_of_the_guest_makes_forgotten_what_was_mapped_when_it_says_present(uint errorCode, bool forgets)
    {
        var filter = new PageFilter(Rule, Ram);
        filter.Admits(1, 0, Read, 0, 0x5000);
        filter.See(new TraceEvent { Ordinal = 2, Kind = TraceEventKind.GuestPageFault, Gva = 0x5000, ErrorCode = errorCode });

        Assert.Equal(forgets, filter.Admits(3, 0, Read, 0, 0x5000));
    }

    /// <summary>Four tables, 0x1000 to 0x4000, map 0x5000; a fifth, 0x8000, maps 0x20_0000.</summary>
    [Theory]
    [InlineData(0x1000, true)]
    [InlineData(0x2000, true)]
    [InlineData(0x3ff8, true)]
    [InlineData(0x4ff8, true)]
    [InlineData(0x8000, false)]
    [InlineData(0x9000, false)]
    public void A_store_to_a_page_table_makes_forgotten_what_was_translated_through_it(ulong table, bool forgets)
    {
        var filter = Mapped();
        filter.Admits(100, 0, Read, 0, 0x5000);

        var seen = filter.See(Store(101, table));

        Assert.Equal(forgets ? AccessFlags.User : AccessFlags.User | AccessFlags.KeptFilter, seen.Flags);
        Assert.Equal(forgets, filter.Admits(102, 0, Read, 0, 0x5000));
    }

    [Fact]
    public void What_another_vcpu_had_translated_through_a_table_counts_as_well()
    {
        var filter = Mapped();
        filter.See(Paging(ordinal: 10, vcpu: 1));
        filter.Admits(100, 0, Read, 0, 0x5000);
        filter.Admits(101, 1, Read, 0, 0x20_0000);
        filter.See(Store(102, 0x8000));

        Assert.True(filter.Admits(103, 0, Read, 0, 0x5000));
    }

    [Fact]
    public void What_was_translated_before_a_flush_does_not_count()
    {
        var filter = Mapped();
        filter.Admits(100, 0, Read, 0, 0x20_0000);
        filter.See(Store(101, 0x8000));
        filter.Admits(102, 0, Read, 0, 0x5000);

        Assert.Equal(AccessFlags.User | AccessFlags.KeptFilter, filter.See(Store(103, 0x8000)).Flags);
        Assert.False(filter.Admits(104, 0, Read, 0, 0x5000));
    }

    /// <summary>KVM's shadow of a table that leads to others can take along what other tables lead to as well, until it is gone itself.</summary>
    [Theory]
    [InlineData(0x3000, 3)]
    [InlineData(0x4000, 0)]
    public void Stores_to_a_table_that_leads_to_others_make_forgotten_until_its_shadow_is_gone(ulong table, int forgetting)
    {
        var filter = Mapped();
        filter.Admits(100, 0, Read, 0, 0x5000);
        filter.See(new TraceEvent { Ordinal = 101, Kind = TraceEventKind.Marker });
        for (var i = 0; i < 5; i++)
        {
            var kept = i < forgetting ? AccessFlags.None : AccessFlags.KeptFilter;
            Assert.Equal(AccessFlags.User | kept, filter.See(Store(102 + i, table)).Flags);
        }
    }

    /// <summary>The walk at the time counts: where a table is put in another's place, what goes on through the new one.</summary>
    [Fact]
    public void A_table_counts_from_when_it_is_linked()
    {
        var filter = Mapped();
        filter.See(Store(100, 0x3000, 0x8003));
        filter.Admits(101, 0, Read, 0, 0x5000);

        Assert.Equal(AccessFlags.User | AccessFlags.KeptFilter, filter.See(Store(102, 0x4000)).Flags);
        Assert.Equal(AccessFlags.User, filter.See(Store(103, 0x8000)).Flags);
    }

    [Fact]
    public void An_epoch_begins_at_every_multiple_of_its_length()
    {
        var filter = new PageFilter(Rule, Ram);
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
        => Assert.Throws<ArgumentException>(() => new PageFilter(Rule with { Entries = entries }, Ram));

    [Fact]
    public void An_unknown_flush_name_is_refused()
        => Assert.Throws<ArgumentException>(() => new PageFilter(Rule with { FlushOn = ["sunset"] }, Ram));

    public static TheoryData<string, string> EveryWorkloadInEveryMode() => WorkloadTests.EveryWorkloadInEveryMode();

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void A_filtered_stream_is_the_full_one_without_accesses_seen_since_the_last_flush(string workload, string paging)
    {
        var rule = new FilterRule { Entries = 256, EpochLength = 512 };
        var options = SmallRuns.Of(workload, paging);
        var full = Streams.Rows(SyntheticRecorder.Open(options with { HostEventAlignment = rule.EpochLength })).ToList();
        var filtered = Streams.Rows(SyntheticRecorder.Open(options with { Filter = rule })).ToList();

        var flushPoints = new FlushPoints(rule);
        var seen = new HashSet<(byte, AccessKind, AccessFlags, ulong)>();
        var next = 0;
        foreach (var row in full)
        {
            var filteredRow = next < filtered.Count && filtered[next].Ordinal == row.Ordinal ? filtered[next] : row;
            if (row.Ordinal % rule.EpochLength == 0 || (filteredRow.Event is { } what && flushPoints.Include(what)))
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
        SyntheticRecorder.Record(options, new FilteringSink(sink, rule, SyntheticRecorder.Open(options).Manifest.MemoryBytes), cancel: TestContext.Current.CancellationToken);

        var expected = Streams.Rows(new FilteringSource(SyntheticRecorder.Open(options), rule)).ToList();
        Assert.Equal(expected.Count, sink.Rows.Count);
        Assert.All(expected.Zip(sink.Rows), pair => Assert.True(Same(pair.First, pair.Second)));
    }

    private static PageFilter Mapped()
    {
        var filter = new PageFilter(Rule, Ram);
        filter.See(Image(0, 0x1000, 0x2003));
        filter.See(Image(1, 0x2000, 0x3003));
        filter.See(Image(2, 0x3000, 0x4003, 0x8003));
        filter.See(Image(3, 0x4000, 0, 0, 0, 0, 0, 0x5003));
        filter.See(Image(4, 0x8000, 0x9003));
        filter.See(Paging(ordinal: 5, vcpu: 0));
        return filter;
    }

    private static TraceEvent Image(long ordinal, ulong gpa, params ulong[] entries)
    {
        var data = new byte[4096];
        for (var i = 0; i < entries.Length; i++)
            BitConverter.TryWriteBytes(data.AsSpan(i * 8), entries[i]);
        return new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.PageImage, Gpa = gpa, Data = data };
    }

    /// <summary>Four levels from 0x1000.</summary>
    private static TraceEvent Paging(long ordinal, byte vcpu)
    {
        var state = new VcpuState { Cr0 = 0x8000_0011, Cr3 = 0x1000, Cr4 = 0x20, Efer = 0x500 };
        return new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.VcpuState, Vcpu = vcpu, Detail = EventDetail.Write(state) };
    }

    private static TraceEvent Store(long ordinal, ulong gpa, ulong value = 0) => new()
    {
        Ordinal = ordinal,
        Kind = TraceEventKind.PageTableStore,
        Access = AccessKind.Write,
        Flags = AccessFlags.User,
        Gva = 0xffff_8000_0000_0000 | gpa,
        Gpa = gpa,
        Size = 8,
        Value = value,
    };

    private static bool Same(Streams.Row a, Streams.Row b)
        => a.Event is { } x && b.Event is { } y
            ? Bare(x) == Bare(y) && (x.Data ?? []).AsSpan().SequenceEqual(y.Data ?? [])
            : a == b;

    /// <summary>Without what only a filtered recording says.</summary>
    private static TraceEvent Bare(in TraceEvent row) => row with { Data = null, Flags = row.Flags & ~AccessFlags.KeptFilter };

    private sealed class ListSink : ITraceSink
    {
        public List<Streams.Row> Rows { get; } = [];

        public void Write(TraceChunk chunk) => Rows.AddRange(Streams.Rows(chunk));
    }
}
