using System.Runtime.InteropServices;
using Replay.Recorder.Synthetic;
using Replay.Replayer.History;
using Replay.Replayer.Tests.Hardware;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// A filtered recording replays to the history of the full one wherever nothing is lost between flush points; where something is,
/// the replayer counts it.
/// </summary>
public sealed class FilteredReplayTests
{
    private const ulong Seeds = 12;

    private static readonly FilterRule Rule = new() { Entries = 64, EpochLength = 4096 };

    public static TheoryData<string, MmuMode> Workloads()
    {
        var runs = new TheoryData<string, MmuMode>();
        foreach (var workload in WorkloadRegistry.All.Where(static workload => workload.Name != "random"))
        {
            foreach (var mode in TwoDimensional)
                runs.Add(workload.Name, mode);
        }
        return runs;
    }

    public static TheoryData<string> Names() => [.. WorkloadRegistry.All.Select(static workload => workload.Name).Where(static name => name != "random")];

    private static MmuMode[] TwoDimensional => [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.NptTdp];

    [Theory]
    [MemberData(nameof(Workloads))]
    public void Every_workload_filtered_has_the_history_of_the_full_one(string workload, MmuMode mode)
    {
        var options = new SyntheticOptions { Workload = workload, MaxAccesses = 40_000 };

        var (full, _) = Replay(options, mode, null);
        var (filtered, lost) = Replay(options, mode, Rule);

        Assert.True(filtered.Accesses < full.Accesses, "nothing was dropped");
        Assert.Equal(0, lost);
        Assert.Equal(full.HistoryHash, filtered.HistoryHash);
    }

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.EptTdp)]
    [InlineData(MmuMode.Npt)]
    [InlineData(MmuMode.NptTdp)]
    public void Random_guests_filtered_have_the_history_of_the_full_ones(MmuMode mode)
    {
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            var options = RandomGuests.Options(seed, togglesNx: false);
            var (full, _) = Replay(options, mode, null);
            var (filtered, lost) = Replay(options, mode, Rule);

            Assert.True(lost == 0, $"seed {seed}: {lost} zaps off flush points");
            Assert.True(full.HistoryHash == filtered.HistoryHash, $"seed {seed}: another history");
            Assert.True(filtered.Verify.Differing == 0, $"seed {seed}: {filtered.Verify.First}");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_workload_under_shadow_paging_has_the_same_history_unless_a_zap_off_a_flush_point_is_counted(string workload)
    {
        var options = new SyntheticOptions { Workload = workload, MaxAccesses = 40_000 };

        var (full, _) = Replay(options, MmuMode.Shadow, null);
        var (filtered, lost) = Replay(options, MmuMode.Shadow, Rule);

        Assert.True(lost > 0 || full.HistoryHash == filtered.HistoryHash, "another history, and nothing counted");
        Assert.True(filtered.Verify.Differing == 0, $"{filtered.Verify.First}");
        Assert.InRange(lost, 0, 10);
    }

    /// <summary>Faults take shadow tables apart, and no fault is a flush point: what may be lost is counted, and nothing else differs.</summary>
    [Fact]
    public void Random_guests_under_shadow_paging_have_the_same_history_unless_a_zap_off_a_flush_point_is_counted()
    {
        var counted = 0L;
        for (var seed = 1UL; seed <= 3 * Seeds; seed++)
        {
            var options = RandomGuests.Options(seed, togglesNx: false);
            var (full, _) = Replay(options, MmuMode.Shadow, null);
            var (filtered, lost) = Replay(options, MmuMode.Shadow, Rule);

            Assert.True(lost > 0 || full.HistoryHash == filtered.HistoryHash, $"seed {seed}: another history, and nothing counted");
            Assert.True(filtered.Verify.Differing == 0, $"seed {seed}: {filtered.Verify.First}");
            counted += lost;
        }
        Assert.NotEqual(0, counted);
    }

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.NptTdp)]
    public void A_filter_that_host_events_do_not_empty_is_found_out(MmuMode mode)
    {
        var rule = Rule with { Entries = 1 << 16, EpochLength = 1 << 30, FlushOn = [.. Rule.FlushOn.Where(static name => name != "host_event")] };
        var options = new SyntheticOptions { Workload = "dirty-log", MaxAccesses = 40_000 };

        var (full, none) = Replay(options, mode, null);
        var (filtered, lost) = Replay(options, mode, rule);

        Assert.Equal(0, none);
        Assert.NotEqual(0, lost);
        Assert.NotEqual(full.HistoryHash, filtered.HistoryHash);
    }

    /// <summary>Stores to page tables keep the filter or empty it, as each says; where all are said to have kept it, and did, the replayer finds out.</summary>
    [Fact]
    public void Stores_that_should_have_emptied_the_filter_and_kept_it_are_found_out()
    {
        var patient = Rule with { Entries = 1024, EpochLength = 1 << 20 };
        var careless = patient with { FlushOn = [.. patient.FlushOn.Where(static name => name != "page_table_store")] };
        var (lostRightly, lostWrongly, othersWrongly) = (0L, 0L, 0);
        for (var seed = 1UL; seed <= Seeds; seed++)
        {
            var options = RandomGuests.Options(seed, togglesNx: false);
            var (full, _) = Replay(options, MmuMode.Shadow, null);
            var (_, rightly) = Replay(options, MmuMode.Shadow, patient);
            var (filtered, wrongly) = Replay(new AllKept(new FilteringSource(new SyntheticSource(options), careless)), MmuMode.Shadow);

            Assert.True(wrongly > 0 || full.HistoryHash == filtered.HistoryHash, $"seed {seed}: another history, and nothing counted");
            lostRightly += rightly;
            lostWrongly += wrongly;
            othersWrongly += full.HistoryHash == filtered.HistoryHash ? 0 : 1;
        }

        Assert.InRange(lostRightly, 0, lostWrongly / 3);
        Assert.NotEqual(0, othersWrongly);
    }

    private static (ReplayResult Result, long Lost) Replay(SyntheticOptions options, MmuMode mode, FilterRule? rule)
    {
        var full = new SyntheticSource(options);
        return Replay(rule is null ? full : new FilteringSource(full, rule), mode);
    }

    private static (ReplayResult Result, long Lost) Replay(ITraceSource source, MmuMode mode)
    {
        var history = new RecordedHistory();
        var result = ReplaySession.Run(source, new ReplayOptions { Mode = mode }, history, cancellation: TestContext.Current.CancellationToken);
        return (result, history.Notes.Count(static note => note.Kind == ModelNote.ZapOffFlushPoint));
    }

    /// <summary>A stream whose stores to page tables all say that they kept the filter.</summary>
    private sealed class AllKept(ITraceSource source) : ITraceSource
    {
        public CaptureManifest Manifest => source.Manifest with { Filter = source.Manifest.Filter! with { FlushOn = Rule.FlushOn } };

        public bool TryRead(TraceChunk chunk)
        {
            if (!source.TryRead(chunk))
                return false;
            foreach (ref var row in CollectionsMarshal.AsSpan(chunk.Events))
            {
                if (row.Kind == TraceEventKind.PageTableStore)
                    row = row with { Flags = row.Flags | AccessFlags.KeptFilter };
            }
            return true;
        }
    }
}
