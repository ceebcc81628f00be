using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;
using Replay.Replayer;

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

    [Fact]
    public async Task A_run_that_another_process_brings_in_is_waited_for()
    {
        var folder = HistoryFolder.Open(_directory.File("h"));
        using var database = Make(out var parts, out var key);
        var other = Locked(folder, key);
        var publishing = Task.Run(() => folder.Publish(database, 1, parts, key), TestContext.Current.CancellationToken);
        Assert.NotSame(publishing, await Task.WhenAny(publishing, Task.Delay(200, TestContext.Current.CancellationToken)));
        await other.DisposeAsync();
        await publishing;
        Assert.True(folder.Has(key));
    }

    [Fact]
    public void What_is_waited_for_in_vain_is_told_in_a_line_and_can_be_brought_in_later()
    {
        var folder = HistoryFolder.Open(_directory.File("h"));
        using var database = Make(out var parts, out var key);
        using (Locked(folder, key))
        {
            var error = Assert.Throws<StoreException>(() => folder.Publish(database, 1, parts, key, TimeSpan.Zero));
            Assert.StartsWith($"{folder.Directory}: another process is bringing run {key.Number} in.", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', error.Message);
            Assert.False(folder.Has(key));
        }

        folder.Publish(database, 1, parts, key);
        Assert.True(folder.Has(key));
    }

    private static FileStream Locked(HistoryFolder folder, RunKey key)
    {
        var keys = Directory.CreateDirectory(Path.Combine(folder.Directory, "_keys")).FullName;
        return new FileStream(Path.Combine(keys, $"{key.Number}.json.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
    }

    private Database Make(out HistoryParts parts, out RunKey key)
    {
        var info = WorkloadFolder.Info("random", MmuMode.Ept);
        key = RunKey.Of(info, StoreOptions.Default);
        parts = new HistoryParts(_directory.File("work"), areOnly: true);
        using (var file = HistoryFile.Create(_directory.File("x.db"), parts: parts))
        using (var store = file.BeginRun(info))
            store.Complete(new RunSummary { HistoryHash = "0" });
        parts.Dispose();
        return Database.OpenRead(_directory.File("x.db"));
    }
}
