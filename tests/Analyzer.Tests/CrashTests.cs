using System.Diagnostics;
using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;
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
    public void A_killed_writer_leaves_a_database_that_says_so()
    {
        var path = _directory.File("x.db");
        KillWriterOf(path);
        using var database = Database.OpenRead(path);
        AssertIncomplete(database, Assert.Single(database.Runs));
        Assert.Equal(["ok"], database.Connection.Query<string>("PRAGMA integrity_check"));
        // They wait on the spool.
        Assert.Equal(0, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM table_write"));
        Assert.True(File.Exists(Spool.PathOf(path)));
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
        KillWriterOf(path);
        using (var store = HistoryStore.Append(path, SampleHistory.Info))
            store.Complete(SampleHistory.Play(store));
        using var database = Database.OpenRead(path);
        Assert.Equal([false, true], database.Runs.Select(run => run.Complete));
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
        var copy = _directory.File("copy.db");
        using (var file = HistoryFile.Create(path))
        {
            using var first = file.BeginRun(SampleHistory.Info);
            using var second = file.BeginRun(SampleHistory.Info);
            first.Complete(SampleHistory.Play(first));
            // What a kill at this moment would leave.
            File.Copy(path, copy);
        }

        using (var killed = Database.OpenRead(copy))
            Assert.All(killed.Runs, run => AssertIncomplete(killed, run));
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
            Assert.True(watch.Elapsed < TimeSpan.FromMinutes(3), "the writer made no progress");
            Thread.Sleep(20);
        }

        victim.Kill();
        victim.WaitForExit();
    }
}
