using System.Security.Cryptography;
using Replay.Analyzer.Store;
using Replay.Cli.Replaying;
using Replay.Replayer;

namespace Replay.Cli.Tests;

/// <summary>Histories as a folder of Parquet: made in one go, in pieces, twice, beside a database.</summary>
public sealed class PartedRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_that_is_there_is_not_made_again_and_one_that_is_not_is_added()
    {
        await Record();
        await Succeeds("--mmu", "ept", "--to", _folder["h"]);
        var before = Files("h");
        Assert.Contains("nothing to do", await Succeeds("--mmu", "ept", "--to", _folder["h"]), StringComparison.Ordinal);
        Assert.Equal(before, Files("h"));
        await Succeeds("--mmu", "ept", "--mmu", "shadow", "--to", _folder["h"]);
        Assert.Equal(before, Files("h").Where(file => before.ContainsKey(file.Key)).ToDictionary());
        Assert.Equal(3, Directory.GetDirectories(Path.Combine(_folder["h"], "run")).Length);
        Assert.False(Directory.Exists(Path.Combine(_folder["h"], "_work")));
    }

    [Fact]
    public async Task Two_machines_make_the_same_files_and_nothing_in_them_names_the_machine()
    {
        await Record();
        await Succeeds("--mmu", "npt-tdp", "--to", _folder["one"]);
        Directory.CreateDirectory(_folder["elsewhere"]);
        Directory.Move(_folder["x.capture"], _folder["elsewhere/x.capture"]);
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["elsewhere/x.capture"], "-q", "--mmu", "npt-tdp", "--to", _folder["two"]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Equal(Files("one"), Files("two"));
        var name = System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(_folder[""].TrimEnd('/')));
        Assert.All(Directory.GetFiles(_folder["two"], "*", SearchOption.AllDirectories), file => Assert.Equal(-1, File.ReadAllBytes(file).AsSpan().IndexOf(name)));
    }

    [Fact]
    public async Task Beside_a_database_the_rows_are_those_of_the_folder_alone()
    {
        await Record();
        await Succeeds("--mmu", "ept", "--to", _folder["alone"]);
        await Succeeds("--mmu", "ept", "--to", _folder["beside"], "-o", _folder["x.db"]);
        Assert.True(File.Exists(_folder["x.db"]));
        Assert.Equal(Files("alone"), Files("beside"));
    }

    [Fact]
    public async Task Interrupted_and_resumed_it_has_the_rows_of_one_go()
    {
        await Record();
        await Succeeds("--mmu", "ept", "--mmu", "shadow", "--to", _folder["whole"]);
        using (var interrupted = new CancellationTokenSource())
        {
            var plan = new ReplayPlan { Capture = _folder["x.capture"], Modes = [MmuMode.Ept, MmuMode.Shadow] };
            using var parts = PartedReplay.Begin(plan, StoreOptions.Default, _folder["parts"], database: null);
            using var file = HistoryFile.Create(parts.Database, parts: parts.Parts);
            Assert.Throws<OperationCanceledException>(() => StoredReplay.Run(
                plan, file, StoreOptions.Default, CheckpointPlan.None, _ => { }, (_, _) => interrupted.Cancel(), interrupted.Token));
        }

        Assert.NotEmpty(Directory.GetFiles(Path.Combine(_folder["parts"], "_work"), "part-0.parquet", SearchOption.AllDirectories));
        Assert.False(Directory.Exists(Path.Combine(_folder["parts"], "access")) && Directory.GetDirectories(Path.Combine(_folder["parts"], "access")).Length > 1);
        Assert.Contains("goes on behind ordinal", await Succeeds("--mmu", "ept", "--mmu", "shadow", "--to", _folder["parts"], "--resume"), StringComparison.Ordinal);
        using var engine = Querying.FolderEngines.Load("parts").Open([_folder["whole"]]);
        using var resumed = Querying.FolderEngines.Load("parts").Open([_folder["parts"]]);
        foreach (var view in (string[])["run", "access", "fault", "table_write", "page_operation", "counter", "activity"])
            Assert.Equal(Rows(engine, view), Rows(resumed, view));
    }

    [Fact]
    public async Task A_folder_of_something_else_is_left_alone()
    {
        await Record();
        Directory.CreateDirectory(_folder["mine"]);
        await File.WriteAllTextAsync(_folder["mine/letter.txt"], "x", TestContext.Current.CancellationToken);
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["x.capture"], "-q", "--to", _folder["mine"]);
        Assert.NotEqual(ExitCode.Done, exitCode);
        Assert.Contains("no folder of histories", error, StringComparison.Ordinal);
        Assert.Equal([_folder["mine/letter.txt"]], Directory.GetFileSystemEntries(_folder["mine"]));
    }

    private static List<string> Rows(Analyzer.Query.Folders.IFolderConnection connection, string view)
    {
        using var rows = connection.Execute($"SELECT * FROM {view} ORDER BY ALL", new Dictionary<string, Analyzer.Query.SqlValue>(), Analyzer.Query.QueryLimits.None, default);
        rows.NextResult();
        var found = new List<string>();
        while (rows.Read())
            found.Add(string.Join('|', Enumerable.Range(0, rows.Columns.Count).Select(i => rows[i].ToString())));
        Assert.NotEmpty(found);
        return found;
    }

    private Dictionary<string, string> Files(string folder) =>
        Directory.GetFiles(_folder[folder], "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(_folder[folder], file), file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));

    private async Task Record()
    {
        var (exitCode, _, error) = await CommandRunner.Run("record", "synthetic", "--workload", "random", "--max-accesses", "300000", "-o", _folder["x.capture"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private async Task<string> Succeeds(params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(["run", _folder["x.capture"], "-q", .. arguments]);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }
}
