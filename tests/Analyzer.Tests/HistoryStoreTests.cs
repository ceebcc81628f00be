using Dapper;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

public sealed class HistoryStoreTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_completed_run_says_so_and_carries_its_hash()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var run = Assert.Single(database.Runs);
        Assert.True(run.Complete);
        Assert.Equal("ept", run.Name);
        Assert.Equal(32, run.HistoryHash!.Length);
        Assert.Equal(50, run.LastOrdinal);
        Assert.Empty(database.Warnings);
    }

    [Fact]
    public void Addresses_of_the_upper_half_come_back_as_they_went_in()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var (gva, hex) = database.Connection.QuerySingle<(Gva, string)>("SELECT gva, gva_hex FROM access WHERE ordinal = 10");
        Assert.Equal(new Gva(0xffff_8880_0010_0008), gva);
        Assert.Equal("0xffff888000100008", hex);
        Assert.Equal(10, database.Connection.QuerySingle<long>("SELECT ordinal FROM access WHERE gva = @gva", new { gva }));
    }
}
