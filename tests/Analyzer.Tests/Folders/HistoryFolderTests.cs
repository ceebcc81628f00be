using Replay.Analyzer.Store.Parts;

namespace Replay.Analyzer.Tests.Folders;

/// <summary>A folder of histories that several processes add to at once.</summary>
public sealed class HistoryFolderTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Places_where_runs_are_made_come_and_go_beside_each_other_and_nothing_of_them_stays()
    {
        var folder = HistoryFolder.Open(_directory.File("h"));
        var threads = Enumerable.Range(0, 4).Select(number => Task.Run(
            () =>
            {
                for (var i = 0; i < 200; i++)
                {
                    var work = folder.WorkOf([new RunKey(i, $"{number}-{i}")]);
                    File.WriteAllText(Path.Combine(work, "rows"), "some");
                    HistoryFolder.Drop(work);
                }
            },
            TestContext.Current.CancellationToken));
        await Task.WhenAll(threads);
        Assert.DoesNotContain("_work", Directory.GetFileSystemEntries(folder.Directory).Select(Path.GetFileName));
    }
}
