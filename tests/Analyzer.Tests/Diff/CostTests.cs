using Replay.Analyzer.Diff;
using Replay.Analyzer.Diff.Costs;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests.Diff;

public sealed class CostTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_number_of_the_table_that_ships_names_its_source()
    {
        var table = CostTable.Default;
        IEnumerable<CostEntry> entries =
            [table.PageWalk.CyclesPerReference, table.PageWalk.ShareOneDimensional, table.PageWalk.ShareTwoDimensional, table.TableWrite, .. table.Exit.Values, .. table.Fault.Values, .. table.Flush.Values];
        Assert.All(entries, entry => Assert.NotEmpty(entry.Source));
    }

    [Fact]
    public void Costs_add_up_as_documented()
    {
        var diff = Compare(Table("""{ "default": { "value": 100 }, "CR3_WRITE": { "value": 7 } }"""));
        // A: 10 walks of 24 references, 2 exits at 100. B: 10 walks of 4, 2 exits at 100 and one at 7, and a flush at 5.
        Assert.Equal(new DiffPair((240 * 10 / 2) + 200, 40 * 10 + 207 + 5), diff.Cost.Total);
        Assert.Equal(diff.Cost.Total, new DiffPair(diff.Ranges.Sum(range => range.Cost.A), diff.Ranges.Sum(range => range.Cost.B)));
        // 1200 + 2x = 405 + 3x
        Assert.Equal(795, diff.Cost.BreakEvenExit);
        Assert.StartsWith("shadow would have been cheaper: 44 %", diff.Cost.Verdict, StringComparison.Ordinal);
        Assert.Contains("at 795 cycles an exit both would cost the same, above that ept is cheaper", diff.Cost.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void References_a_walk_are_summed_not_computed()
    {
        var diff = Compare(CostTable.Default);
        Assert.Equal((24.0, 4.0), (diff.Walks.PerWalkA, diff.Walks.PerWalkB));
        Assert.Equal([new DiffCount("4 entries", 0, 10), new DiffCount("24 entries", 10, 0)], diff.Walks.ByReferences);
    }

    [Fact]
    public void What_is_no_cost_table_is_refused_in_one_line()
    {
        var path = _directory.File("costs.json");
        File.WriteAllText(path, """{ "name": "mine", "unit": "cycles" }""");
        var message = Assert.Throws<DiffException>(() => CostTable.Read(path)).Message;
        Assert.Contains("costs.json: is no cost table", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private CostTable Table(string exits)
    {
        var path = _directory.File("mine.json");
        File.WriteAllText(
            path,
            $$"""
            {
              "name": "mine", "unit": "cycles", // comments are allowed
              "pageWalk": { "cyclesPerReference": { "value": 10 }, "shareOneDimensional": { "value": 1 }, "shareTwoDimensional": { "value": 0.5 } },
              "exit": {{exits}},
              "fault": {},
              "tableWrite": { "value": 0 },
              "flush": { "gva": { "value": 5 } }
            }
            """);
        return CostTable.Read(path);
    }

    private RunDiff Compare(CostTable costs)
    {
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            using (var ept = new HandMadeRun(file, MmuMode.Ept))
                ept.Exit(10, ExitReason.EptViolation).Exit(90, ExitReason.EptViolation).Complete("a", [new(0, 4, 20, 10)]);
            using (var shadow = new HandMadeRun(file, MmuMode.Shadow))
                shadow.Exit(10, ExitReason.PageFault).Exit(20, ExitReason.Invlpg).Flush(20, FlushKind.Gva).Exit(60, ExitReason.Cr3Write).Complete("b", [new(0, 0, 4, 10)]);
        }

        using var database = Database.OpenRead(path);
        return RunComparison.Of(DiffSide.Find(database, "ept"), DiffSide.Find(database, "shadow"), new DiffOptions { Costs = costs }, TestContext.Current.CancellationToken);
    }
}
