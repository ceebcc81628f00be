using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>The checker must be able to fail, or what it passes means nothing.</summary>
public class NaiveGuestTests
{
    private static readonly SyntheticOptions Run = SmallRuns.Of("page-table-churn", "4level");

    [Fact]
    public void It_finds_an_access_that_reached_the_wrong_page()
        => Assert.NotEmpty(Check(row => row is { Event: null, Ordinal: > 5000 } ? row with { Gpa = row.Gpa ^ 0x1000 } : row).Contradictions);

    [Fact]
    public void It_finds_a_table_store_that_is_not_recorded()
        => Assert.NotEmpty(Check(row => row.Event is { Kind: TraceEventKind.PageTableStore } ? null : row).Contradictions);

    [Fact]
    public void It_finds_a_table_page_without_an_image()
        => Assert.NotEmpty(Check(row => row.Event is { Kind: TraceEventKind.PageImage } ? null : row).Contradictions);

    [Fact]
    public void It_finds_a_fault_with_another_error_code()
        => Assert.NotEmpty(Check(
            row => row.Event is { Kind: TraceEventKind.GuestPageFault } fault ? row with { Event = fault with { ErrorCode = fault.ErrorCode ^ 1 } } : row).Contradictions);

    [Fact]
    public void It_finds_a_flush_that_is_left_out()
        => Assert.NotNull(Check(
            row => row.Event is { Kind: TraceEventKind.Invlpg or TraceEventKind.Cr3Write, Ordinal: > 20000 } ? null : row).FirstStaleUse);

    private static NaiveGuest Check(Func<Streams.Row, Streams.Row?> change)
    {
        var guest = new NaiveGuest();
        foreach (var original in Streams.Rows(SyntheticRecorder.Open(Run)))
        {
            if (change(original) is not { } row)
                continue;
            if (row.Event is { } what)
                guest.Event(what);
            else
                guest.Access(row.Ordinal, row.Vcpu, row.Kind, row.Flags, row.Gva, row.Gpa, row.Size);
        }
        return guest;
    }
}
