using System.Diagnostics;
using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests;

public sealed class CrashTests : IDisposable
{
    private const string VictimVariable = "REPLAY_TEST_VICTIM_DATABASE";

    /// <summary>Some transactions and a half.</summary>
    private const int WritesBeforeKill = 400_000;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_killed_writer_leaves_no_database_and_says_so()
    {
        var path = _directory.File("x.db");
        KillWriterOf(path);
        Assert.False(File.Exists(path));
        var error = Assert.Throws<FileNotFoundException>(() => Database.OpenRead(path));
        Assert.Contains("is not made yet", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(DatabasePlace.PartialOf(path)));

        // Nothing could go on from what is there, so it is in nobody's way.
        SampleHistory.Store(path).Dispose();
        AssertAlone(path);
    }

    [Fact]
    public void The_old_database_is_there_until_the_new_one_is_whole()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        var before = DatabaseDump.Of(path);
        using (var file = HistoryFile.Create(path, overwrite: true))
        using (var store = file.BeginRun(SampleHistory.Info with { Name = "new" }))
        {
            SampleHistory.Play(store);
            Assert.Equal(before, DatabaseDump.Of(path));
        }

        // It was given up.
        Assert.Equal(before, DatabaseDump.Of(path));
        AssertAlone(path);
        using (var store = HistoryStore.Create(path, SampleHistory.Info with { Name = "new" }, overwrite: true))
            store.Complete(SampleHistory.Play(store));
        using var database = Database.OpenRead(path);
        Assert.Equal("new", Assert.Single(database.Runs).Name);
        AssertAlone(path);
    }

    [Fact]
    public void A_name_is_one_writers_at_a_time()
    {
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            var failure = Assert.Throws<StoreException>(() => HistoryFile.Create(path, overwrite: true));
            Assert.Contains("is being written by another process", failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain('\n', failure.Message);
            using var store = file.BeginRun(SampleHistory.Info);
            store.Complete(SampleHistory.Play(store));
            // Its first run is in its place; it may still add others.
            Assert.Throws<StoreException>(() => HistoryFile.Append(path));
        }

        HistoryFile.Append(path).Dispose();
        AssertAlone(path);
    }

    [Fact]
    public void A_database_that_came_meanwhile_is_left_as_it_is()
    {
        var path = _directory.File("x.db");
        var other = _directory.File("other.db");
        SampleHistory.Store(other).Dispose();
        var before = File.ReadAllBytes(other);
        using (var file = HistoryFile.Create(path))
        {
            using var store = file.BeginRun(SampleHistory.Info);
            File.Copy(other, path);
            var failure = Assert.Throws<StoreException>(() => store.Complete(SampleHistory.Play(store)));
            Assert.Contains("has come or changed", failure.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, File.ReadAllBytes(path));
    }

    [Fact]
    public void A_journal_that_an_old_database_left_does_not_reach_the_new_one()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        KillWriterOf(path);
        Assert.True(File.Exists(path + "-journal"));
        using (var store = HistoryStore.Create(path, SampleHistory.Info, overwrite: true))
            store.Complete(SampleHistory.Play(store));
        Assert.Equal("", DatabaseDump.Damage(path));
        File.Delete(path + ".ready");
        AssertAlone(path);
    }

    [Theory]
    [InlineData("x.db.checkpoint-notes.txt")]
    [InlineData("x.db.partial.checkpoint-7")]
    [InlineData("xa.db.partial")]
    [InlineData("x.db.spool")]
    [InlineData("x.db.partial.txt")]
    [InlineData("a.db.partial.checkpoint-1")]
    public void What_is_of_others_stays(string name)
    {
        File.WriteAllText(_directory.File(name), "mine");
        foreach (var database in (string[])["x.db", "*.db", "?.db", "a*"])
        {
            SampleHistory.Store(_directory.File(database)).Dispose();
            using var store = HistoryStore.Create(_directory.File(database), SampleHistory.Info, overwrite: true);
            store.Complete(SampleHistory.Play(store));
        }

        Assert.Equal("mine", File.ReadAllText(_directory.File(name)));
    }

    [Fact]
    public void A_writer_killed_while_it_added_a_run_leaves_the_others_as_they_were()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        var before = Dump(path);
        KillWriterOf(path);
        using (var database = Database.OpenRead(path))
        {
            Assert.True(database.Runs[0].Complete);
            AssertIncomplete(database, database.Runs[1]);
            Assert.True(database.Connection.ExecuteScalar<long>("SELECT count(*) FROM table_write WHERE run = 2") > 0);
        }

        Assert.Equal(before, Dump(path));

        static List<string> Dump(string path)
        {
            using var database = Database.OpenRead(path);
            return database.Connection.Query<string>("SELECT json_array(ordinal, seq, text) FROM event WHERE run = 1 ORDER BY ordinal, seq, 1").AsList();
        }
    }

    [Fact]
    public void A_run_added_after_a_killed_one_is_complete_and_the_killed_one_is_not()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        KillWriterOf(path);
        using (var store = HistoryStore.Append(path, SampleHistory.Info))
            store.Complete(SampleHistory.Play(store));
        using var database = Database.OpenRead(path);
        Assert.Equal([true, false, true], database.Runs.Select(run => run.Complete));
    }

    [Fact]
    public void A_run_that_is_given_up_stays_incomplete_but_keeps_what_it_had()
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
            SampleHistory.Play(store);
        using var database = Database.OpenRead(path);
        AssertIncomplete(database, Assert.Single(database.Runs));
        Assert.Equal(10, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM table_write"));
    }

    [Fact]
    public void A_run_does_not_count_as_complete_while_another_is_written()
    {
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            using var first = file.BeginRun(SampleHistory.Info);
            using var second = file.BeginRun(SampleHistory.Info);
            first.Complete(SampleHistory.Play(first));
            Assert.False(File.Exists(path));
        }

        using var database = Database.OpenRead(path);
        Assert.Equal([true, false], database.Runs.Select(run => run.Complete));
    }

    [Fact]
    public void The_schema_itself_refuses_a_complete_run_without_a_hash()
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
            SampleHistory.Play(store);
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        Assert.Throws<SqliteException>(() => connection.Execute("UPDATE _run SET complete = 1"));
    }

    /// <summary>Not a test: the process that gets killed. It writes until it dies, and tells when the first transactions are through.</summary>
    [Fact]
    public void Victim()
    {
        if (Environment.GetEnvironmentVariable(VictimVariable) is not { } path)
        {
            Assert.Skip("only runs in a process of its own");
            return;
        }

        using var store = File.Exists(path) ? HistoryStore.Append(path, SampleHistory.Info) : HistoryStore.Create(path, SampleHistory.Info);
        for (var i = 1; ; i++)
        {
            store.OnWrite(new TableWrite { Seq = i, Ordinal = i, TableId = i % 5000, Index = (ushort)(i % 512), Gfn = (ulong)i, New = 0x800 | (ulong)i << 12, FaultId = -1, ExitId = -1, Level = 1 });
            if (i == WritesBeforeKill)
                File.WriteAllText(path + ".ready", "");
        }
    }

    private static void AssertAlone(string path) =>
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!).Where(file => !file.EndsWith(".ready", StringComparison.Ordinal)));

    private static void AssertIncomplete(Database database, RunRow run)
    {
        Assert.False(run.Complete);
        Assert.Contains(database.Warnings, warning => warning.Contains($"run {run.Run} ({run.Name}) is incomplete", StringComparison.Ordinal));
    }

    private static void KillWriterOf(string path)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(CrashTests).Assembly.Location);
        start.ArgumentList.Add("--filter-method");
        start.ArgumentList.Add($"{typeof(CrashTests).FullName}.{nameof(Victim)}");
        start.Environment[VictimVariable] = path;
        using var victim = Process.Start(start)!;
        victim.OutputDataReceived += (_, _) => { };
        victim.BeginOutputReadLine();
        var watch = Stopwatch.StartNew();
        while (!File.Exists(path + ".ready"))
        {
            Assert.False(victim.HasExited, "the writer ended by itself");
            Assert.True(watch.Elapsed < Hang.Limit, "the writer made no progress");
            Thread.Sleep(20);
        }

        victim.Kill();
        victim.WaitForExit();
    }
}
