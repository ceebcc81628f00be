using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests.Diff;

public sealed class DiffTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    private string Path => _directory.File("x.db");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Two_runs_that_did_the_same_are_the_same()
    {
        var diff = Compare(a => Prefetching(a), b => Prefetching(b));
        Assert.True(diff.IsSame);
        Assert.Equal(diff.Writes.A, diff.Writes.Alike);
        Assert.Null(diff.FirstDivergence);
    }

    [Fact]
    public void What_only_one_side_does_is_counted_on_its_side_and_the_rest_is_alike()
    {
        var diff = Compare(a => Prefetching(a), b => OneByOne(b));
        Assert.False(diff.IsSame);
        Assert.Equal((1, 2), (diff.Exits.A, diff.Exits.B));
        Assert.Equal(1, diff.Exits.Alike);
        Assert.Equal((1L, 0L, 1L), (diff.Exits.EventsInBoth, diff.Exits.EventsInAOnly, diff.Exits.EventsInBOnly));
        Assert.Equal((3, 3, 2), (diff.Writes.A, diff.Writes.B, diff.Writes.Alike));
        Assert.Contains(new DiffCount("PT __direct_pte_prefetch", 1, 0, 0), diff.Writes.Sorts);
        Assert.Contains(new DiffCount("PT mmu_set_spte", 1, 2, 1), diff.Writes.Sorts);
    }

    [Fact]
    public void The_first_divergence_is_the_prefetch_and_says_so()
    {
        var diff = Compare(a => Prefetching(a), b => OneByOne(b));
        Assert.Equal(10, diff.FirstDivergence!.Ordinal);
        Assert.Contains("ept maps 1 neighbour more with this fault (__direct_pte_prefetch)", diff.FirstDivergence.Reason, StringComparison.Ordinal);
        Assert.Equal((3, 2), (diff.FirstDivergence.A.WriteCount, diff.FirstDivergence.B.WriteCount));
    }

    [Fact]
    public void An_exit_that_one_side_is_spared_names_who_had_mapped_the_page()
    {
        var diff = Compare(a => Prefetching(a), b => OneByOne(b), new DiffOptions { From = 11, To = 100 });
        Assert.Equal(20, diff.FirstDivergence!.Ordinal);
        Assert.Contains("ept needs no exit: __direct_pte_prefetch mapped gfn 0x101 at event 10", diff.FirstDivergence.Reason, StringComparison.Ordinal);
        Assert.Equal((0, 1), (diff.Writes.A, diff.Writes.B));
    }

    [Fact]
    public void Who_had_mapped_the_page_is_not_who_changed_a_bit_of_its_entry_since()
    {
        var diff = Compare(
            a => Prefetching(a).Write(15, 0x101, HandMadeRun.Leaf(0x501) | 1 << 9, KvmFunction.None, old: HandMadeRun.Leaf(0x501)),
            b => OneByOne(b),
            new DiffOptions { From = 16, To = 100 });
        Assert.Contains("ept needs no exit: __direct_pte_prefetch mapped gfn 0x101 at event 10", diff.FirstDivergence!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Writes_that_one_side_makes_more_are_told_by_level_and_kind()
    {
        var diff = Compare(a => a.Table(5, 2, 2).Write(10, 0, 0x9001_907, level: 2).Write(10, 1, HandMadeRun.Leaf(1)), b => b.Table(5, 2, 2).Write(10, 1, HandMadeRun.Leaf(1)), new DiffOptions { From = 6, To = 100 });
        Assert.Contains("ept makes 2 table writes for this, ept-2 1. Of them, ept against ept-2: level 2 tables 1 to 0.", diff.FirstDivergence!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Writes_that_are_as_many_and_not_alike_are_told_apart()
    {
        var diff = Compare(a => a.Write(10, 1, HandMadeRun.Leaf(1)), b => b.Write(10, 1, HandMadeRun.Leaf(1) & ~2UL), new DiffOptions { From = 6, To = 100 });
        Assert.Contains("Both write 1 entry, not alike: first rights ", diff.FirstDivergence!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void An_intercepted_instruction_is_explained()
    {
        var diff = Compare(a => a, b => b.Exit(30, ExitReason.Invlpg, 0x5000).Flush(30, FlushKind.Gva));
        Assert.Contains("drops translations", diff.FirstDivergence!.Reason, StringComparison.Ordinal);
        Assert.Contains(new DiffCount("gva", 0, 1, 0), diff.Flushes.Sorts);
    }

    [Fact]
    public void Entries_of_two_formats_are_alike_when_they_map_the_same_with_the_same_rights()
    {
        const ulong X86Leaf = 0x500UL << 12 | 0x0867;
        var diff = Compare(a => a.Table(5, 1, 1).Write(10, 0x100, HandMadeRun.Leaf(0x500)), b => b.Table(5, 1, 1).Write(10, 0x100, X86Leaf), modeB: MmuMode.Npt);
        Assert.Equal(1, diff.Writes.Alike);
        Assert.Equal((1L, 0L), (diff.Frames.MappedAlike, diff.Frames.MappedDifferently));
    }

    [Fact]
    public void Two_host_frames_for_one_guest_frame_are_found_in_the_end()
    {
        var diff = Compare(a => a.Table(5, 1, 1).Write(10, 0x100, HandMadeRun.Leaf(0x500)), b => b.Table(5, 1, 1).Write(11, 0x100, HandMadeRun.Leaf(0x501)));
        Assert.False(diff.Frames.Holds);
        Assert.Equal("0x100", diff.Frames.FirstDifferentGfn);
    }

    [Fact]
    public void A_huge_page_and_small_ones_map_the_same_frames()
    {
        const ulong Huge = 0x400UL << 12 | 0x0600_0000_0000_0bf7;
        var diff = Compare(
            a => a.Table(5, 2, 2).Write(10, 0x200, Huge, level: 2),
            b => b.Table(5, 1, 1).Write(10, 0x205, HandMadeRun.Leaf(0x405)).Write(11, 0x400, HandMadeRun.Leaf(0x900)));
        Assert.Equal((1L, 0L, 511L, 1L), (diff.Frames.MappedAlike, diff.Frames.MappedDifferently, diff.Frames.MappedInAOnly, diff.Frames.MappedInBOnly));
    }

    [Fact]
    public void A_translation_that_differed_from_the_capture_breaks_the_claim_of_same_memory()
    {
        Make(a => a, b => b, differing: 3);
        using var database = Database.OpenRead(Path);
        var diff = RunComparison.Of(DiffSide.Find(database, "1"), DiffSide.Find(database, "2"), cancellation: TestContext.Current.CancellationToken);
        Assert.False(diff.Frames.Holds);
        Assert.Equal(new DiffPair(0, 3), diff.Frames.Differing);
    }

    [Fact]
    public void Runs_of_two_captures_are_refused_in_one_line()
    {
        Make(a => a, b => b, changeB: info => info with { CaptureHash = new string('b', 64), Capture = "other.capture" });
        var message = Refused("1", "2");
        Assert.Contains("two captures: ept sample.capture (aaaaaaaaaaaa) and ept-2 other.capture (bbbbbbbbbbbb)", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Runs_without_their_records_are_refused()
    {
        using (var file = HistoryFile.Create(Path))
        {
            using var a = new HandMadeRun(file, MmuMode.Ept);
            using var b = new HandMadeRun(file, MmuMode.Ept, new StoreOptions { Detail = DetailLevel.Counters });
            b.Complete("b");
        }

        Assert.Contains("run 1 (ept) is incomplete", Refused("1", "2"), StringComparison.Ordinal);
        Assert.Contains("run 2 (ept-2) stored counters only", Refused("2", "2"), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_a_capped_run_did_not_store_are_no_difference()
    {
        using (var file = HistoryFile.Create(Path))
        {
            using (var whole = new HandMadeRun(file, MmuMode.Ept))
                Many(whole).Complete("a");
            using (var capped = new HandMadeRun(file, MmuMode.Ept, new StoreOptions { MaxRows = 5 }))
                Many(capped).Complete("b");
        }

        using var database = Database.OpenRead(Path);
        var last = DiffSide.Find(database, "ept-2").Run.RowsToOrdinal;
        Assert.InRange(last!.Value, 1, 99);
        var diff = RunComparison.Of(DiffSide.Find(database, "ept"), DiffSide.Find(database, "ept-2"), cancellation: TestContext.Current.CancellationToken);
        Assert.True(diff.IsSame);
        Assert.Equal((last, diff.Writes.A), (diff.LastOrdinal, diff.Writes.B));
        Assert.Contains(diff.Remarks, remark => remark.Contains("--max-rows", StringComparison.Ordinal));

        static HandMadeRun Many(HandMadeRun run)
        {
            for (var ordinal = 1; ordinal <= 99; ordinal++)
                run.Write(ordinal, (ulong)ordinal, HandMadeRun.Leaf(0x500)).Access(ordinal, (ulong)ordinal << 12);
            return run;
        }
    }

    [Fact]
    public void A_run_is_named_by_name_number_or_mode()
    {
        Make(a => a, b => b);
        using var database = Database.OpenRead(Path);
        Assert.Equal(1, DiffSide.Find(database, "ept").Run.Run);
        Assert.Equal(2, DiffSide.Find(database, "ept-2").Run.Run);
        Assert.Equal(2, DiffSide.Find(database, "2").Run.Run);
        Assert.Contains("has no run shadow. It has 1 (ept), 2 (ept-2).", Assert.Throws<UnknownRunException>(() => DiffSide.Find(database, "shadow")).Message, StringComparison.Ordinal);
        Assert.Contains("Name one as", Assert.Throws<UnknownRunException>(() => DiffSide.Find(database, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_observed_run_is_aligned_in_order_and_without_what_it_cannot_see()
    {
        // Other ordinals, other host frames, no accessed bits; one write is missing in what was observed.
        Make(
            a => a.Write(10, 0x100, HandMadeRun.Leaf(0x500)).Write(11, 0x100, HandMadeRun.Leaf(0x500) | 0x100, KvmFunction.None).Write(20, 0x101, HandMadeRun.Leaf(0x501)).Write(30, 0x102, HandMadeRun.Leaf(0x502)),
            b => b.Write(7001, 0x100, HandMadeRun.Leaf(0x777)).Write(7002, 0x102, HandMadeRun.Leaf(0x778)),
            changeB: info => info with { CaptureHash = new string('c', 64) });
        using (var connection = new SqliteConnection($"Data Source={Path};Pooling=False"))
            connection.Execute("UPDATE _run SET mode = 'observed' WHERE run = 2");
        using var database = Database.OpenRead(Path);
        var diff = RunComparison.Of(DiffSide.Find(database, "ept"), DiffSide.Find(database, "observed"), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("sequence", diff.AlignedBy);
        Assert.Equal((4, 2, 2), (diff.Writes.A, diff.Writes.B, diff.Writes.Alike));
        Assert.Contains(diff.Remarks, remark => remark.Contains("aligned in order", StringComparison.Ordinal));
        Assert.False(diff.IsSame);
    }

    [Fact]
    public void The_ranges_cover_the_trace_and_lose_nothing()
    {
        var diff = Compare(a => Prefetching(a), b => OneByOne(b), new DiffOptions { Ranges = 7 });
        Assert.Equal((1, 100), (diff.Ranges[0].FirstOrdinal, diff.Ranges[^1].LastOrdinal));
        Assert.All(diff.Ranges.Zip(diff.Ranges.Skip(1)), pair => Assert.Equal(pair.First.LastOrdinal + 1, pair.Second.FirstOrdinal));
        Assert.Equal((diff.Writes.A, diff.Writes.B), (diff.Ranges.Sum(range => range.Writes.A), diff.Ranges.Sum(range => range.Writes.B)));
        Assert.Equal((diff.Exits.A, diff.Exits.B), (diff.Ranges.Sum(range => range.Exits.A), diff.Ranges.Sum(range => range.Exits.B)));
    }

    [Fact]
    public void The_whole_comparison_as_JSON_is_as_expected()
    {
        var diff = Compare(a => Prefetching(a), b => OneByOne(b), new DiffOptions { Ranges = 4 });
        Golden.Equal("diff.json", DiffJson.Text(diff with { A = diff.A with { Database = "x.db" }, B = diff.B with { Database = "x.db" } }) + "\n");
    }

    /// <summary>One fault maps a page and its neighbour.</summary>
    private static HandMadeRun Prefetching(HandMadeRun run) => run.Table(5, 2, 2).Table(5, 1, 1)
        .Exit(10, ExitReason.EptViolation, 0x10_0000).Fault(10, 0x10_0000)
        .Write(10, 0, 0x9001_907, KvmFunction.LinkShadowPage, level: 2).Write(10, 0x100, HandMadeRun.Leaf(0x500)).Write(10, 0x101, HandMadeRun.Leaf(0x501), KvmFunction.DirectPtePrefetch)
        .Access(10, 0x10_0000);

    /// <summary>Each page takes a fault of its own.</summary>
    private static HandMadeRun OneByOne(HandMadeRun run) => run.Table(5, 2, 2).Table(5, 1, 1)
        .Exit(10, ExitReason.EptViolation, 0x10_0000).Fault(10, 0x10_0000)
        .Write(10, 0, 0x9001_907, KvmFunction.LinkShadowPage, level: 2).Write(10, 0x100, HandMadeRun.Leaf(0x500)).Access(10, 0x10_0000)
        .Exit(20, ExitReason.EptViolation, 0x10_1000).Fault(20, 0x10_1000).Write(20, 0x101, HandMadeRun.Leaf(0x501)).Access(20, 0x10_1000);

    private RunDiff Compare(Func<HandMadeRun, HandMadeRun> a, Func<HandMadeRun, HandMadeRun> b, DiffOptions? options = null, MmuMode modeB = MmuMode.Ept)
    {
        Make(a, b, modeB: modeB);
        using var database = Database.OpenRead(Path);
        return RunComparison.Of(DiffSide.Find(database, "1"), DiffSide.Find(database, "2"), options, TestContext.Current.CancellationToken);
    }

    private void Make(
        Func<HandMadeRun, HandMadeRun> a, Func<HandMadeRun, HandMadeRun> b, MmuMode modeB = MmuMode.Ept, Func<RunInfo, RunInfo>? changeB = null, long differing = 0)
    {
        using var file = HistoryFile.Create(Path);
        using (var run = new HandMadeRun(file, MmuMode.Ept))
            a(run).Complete("a", [new(0, 4, 20, 10)]);
        using (var run = new HandMadeRun(file, modeB, change: changeB))
            b(run).Complete("b", [new(0, 4, 16, 10)], differing);
    }

    private string Refused(string a, string b)
    {
        using var database = Database.OpenRead(Path);
        return Assert.Throws<DiffException>(() => RunComparison.Of(DiffSide.Find(database, a), DiffSide.Find(database, b))).Message;
    }
}
