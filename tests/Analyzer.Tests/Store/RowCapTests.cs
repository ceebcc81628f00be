using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests;

/// <summary>The cap on rows: to the row, and never in the middle of an ordinal.</summary>
public sealed class RowCapTests
{
    [Theory]
    [InlineData(4, 4, null)]
    [InlineData(5, 4, null)]
    [InlineData(3, 3, 2L)]
    [InlineData(2, 1, 1L)]
    [InlineData(1, 1, 1L)]
    [InlineData(0, 0, 0L)]
    public void As_many_rows_are_stored_as_are_allowed_up_to_the_last_whole_ordinal(int cap, int rows, long? last)
    {
        var taker = new RowCap(new StoreOptions { MaxRows = cap });
        Assert.Equal(rows, taker.Take(Batch(1, 2, 2, 3)).Count);
        Assert.Equal(last, taker.LastOrdinal);
        Assert.Equal(last is not null, taker.IsReached);
    }

    [Fact]
    public void A_batch_that_fills_the_cap_leaves_nothing_for_the_next()
    {
        var taker = new RowCap(new StoreOptions { MaxRows = 3 });
        Assert.Equal(3, taker.Take(Batch(1, 2, 2)).Count);
        Assert.False(taker.IsReached);
        Assert.Equal(0, taker.Take(Batch(3, 4)).Count);
        Assert.Equal(2, taker.LastOrdinal);
    }

    [Fact]
    public void Rows_of_all_kinds_count()
    {
        var batch = Batch(1, 4);
        batch.Exits.TryAdd(new VmExitRecord { Ordinal = 2 });
        batch.GuestFaults.TryAdd(new GuestFaultRecord { Ordinal = 3 });
        var taker = new RowCap(new StoreOptions { MaxRows = 2 });
        var rows = taker.Take(batch);
        Assert.Equal((1, 1, 0), (rows.Writes.Length, rows.Exits.Length, rows.GuestFaults.Length));
        Assert.Equal(2, taker.LastOrdinal);
    }

    private static RecordBatch Batch(params long[] ordinals)
    {
        var batch = new RecordBatch();
        foreach (var ordinal in ordinals)
            batch.Writes.TryAdd(new TableWrite { Ordinal = ordinal });
        return batch;
    }
}
