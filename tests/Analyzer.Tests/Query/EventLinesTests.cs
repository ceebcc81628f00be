using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests;

public sealed class EventLinesTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly Database _database;
    private readonly QueryRunner _runner;

    public EventLinesTests()
    {
        _database = SampleHistory.Store(_directory.File("x.db"), new StoreOptions { Rmap = true });
        _runner = new QueryRunner(_database);
    }

    public void Dispose()
    {
        _database.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void The_history_reads_as_lines_in_its_order()
    {
        var lines = EventLines.Read(_runner, new EventFilter { Run = 1 }, TestContext.Current.CancellationToken);
        Golden.Equal("events.txt", string.Concat(lines.Select(line => line + "\n")));
    }

    [Fact]
    public void A_range_a_frame_a_table_and_kinds_narrow_it()
    {
        Assert.All(Read(new EventFilter { Run = 1, FirstOrdinal = 20, LastOrdinal = 30 }), line => Assert.InRange(line.Ordinal, 20, 30));
        Assert.All(Read(new EventFilter { Run = 1, Gfn = 0x101 }), line => Assert.Equal(0x101, line.Gfn));
        Assert.Equal(["page", "page", "page"], Read(new EventFilter { Run = 1, TableId = 4, Kinds = ["page"] }).Select(line => line.Kind));
        Assert.Empty(Read(new EventFilter { Run = 2 }));
    }

    [Fact]
    public void A_long_history_comes_whole_and_in_order_stretch_by_stretch()
    {
        const int Writes = 50_000;
        var path = _directory.File("long.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
        {
            // A dense part, a gap that is longer than any stretch, and a sparse part.
            for (var i = 1; i <= Writes; i++)
                store.OnWrite(new TableWrite { Seq = i, Ordinal = i <= Writes / 2 ? i : 1_000_000_000L + (i * 1000L), FaultId = -1, ExitId = -1, TableId = 1, Level = 1 });
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        var lines = EventLines.Read(new QueryRunner(database), new EventFilter { Run = 1 }, TestContext.Current.CancellationToken).Select(line => line.Seq);
        Assert.Equal(Enumerable.Range(1, Writes).Select(i => (long?)i), lines);
    }

    [Fact]
    public void An_unknown_kind_is_told_with_the_known_ones()
    {
        var error = Assert.Throws<QueryException>(() => EventLines.Read(_runner, new EventFilter { Run = 1, Kinds = ["wrte"] }, TestContext.Current.CancellationToken));
        Assert.Contains("write", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_kinds_it_knows_are_those_of_the_view() =>
        Assert.Equal(EventLines.Kinds.Order(), Read(new EventFilter { Run = 1 }).Select(line => line.Kind).Distinct().Order());

    private List<EventLine> Read(EventFilter filter) => [.. EventLines.Read(_runner, filter, TestContext.Current.CancellationToken)];
}
