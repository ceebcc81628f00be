using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Tests.BTrees;

/// <summary>Tables whose b-trees we build are what SQLite makes of the same rows, and sound by its own check.</summary>
public sealed class BulkLoadTests : IDisposable
{
    private static readonly StoreOptions Everything = new() { Rmap = true };

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 10)]
    [InlineData(3, 1_000)]
    [InlineData(4, 30_000)]
    public void Rows_loaded_are_those_that_SQLite_inserts(int seed, int rounds)
    {
        var path = _directory.File("x.db");
        Store(path, seed, rounds, append: false);
        // The tables are not empty any more: this run is SQLite's.
        Store(path, seed, rounds, append: true);

        using var database = Database.OpenRead(path);
        AssertSound(database);
        foreach (var (table, _) in LoadedTables.All)
        {
            Assert.True(database.Connection.ExecuteScalar<long>($"SELECT count(*) FROM {table} WHERE run = 1") > 0 || rounds == 1, table);
            AssertSameRows(database.Connection, table, table, run: 1, other: 2);
        }
    }

    [Fact]
    public void Several_runs_at_once_are_told_apart_in_tables_and_indexes()
    {
        const int Rounds = 44_000;
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            var histories = Enumerable.Range(1, 3).Select(seed => (Store: file.BeginRun(SampleHistory.Info, Everything), History: new RandomHistory(seed))).ToList();
            for (var turn = 0; turn < 10; turn++)
            {
                foreach (var (store, history) in histories)
                    history.Play(store, Rounds / 10);
            }

            foreach (var (store, _) in histories)
            {
                store.Complete(RandomHistory.Summary);
                store.Dispose();
            }
        }

        using var together = Database.OpenRead(path);
        Assert.True(together.Connection.ExecuteScalar<long>("SELECT count(*) FROM _vm_exit") > IndexEntries.PieceCapacity, "one sorted piece holds them all");
        AssertSound(together);
        for (var seed = 1; seed <= 3; seed++)
        {
            var alone = _directory.File($"{seed}.db");
            Store(alone, seed, Rounds, append: false);
            using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
            connection.Open();
            connection.Execute($"ATTACH '{alone}' AS alone");
            foreach (var (table, _) in LoadedTables.All)
                AssertSameRows(connection, $"main.{table}", $"alone.{table}", run: seed, other: 1);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 100)]
    [InlineData(3, 20_000)]
    public void Both_engines_make_the_same_database(int seed, int rounds)
    {
        foreach (var engine in Enum.GetValues<StoreEngine>())
        {
            using var file = HistoryFile.Create(_directory.File($"{engine}.db"), engine: engine);
            using var first = file.BeginRun(SampleHistory.Info, Everything);
            using var second = file.BeginRun(SampleHistory.Info, Everything);
            new RandomHistory(seed).Play(first, rounds);
            new RandomHistory(seed + 1).Play(second, rounds);
            var spool = Spool.PathOf(DatabasePlace.PartialOf(_directory.File($"{engine}.db")));
            if (engine == StoreEngine.Pages && rounds > 1_000)
                Assert.True(SpinWait.SpinUntil(() => File.Exists(spool), Hang.Limit), "rows of a run under way wait on a spool"); // another thread stores them
            else
                Assert.False(File.Exists(spool));
            first.Complete(RandomHistory.Summary);
            second.Complete(RandomHistory.Summary);
        }

        Assert.Equal(DatabaseDump.Of(_directory.File("Sqlite.db")), DatabaseDump.Of(_directory.File("Pages.db")));
        foreach (var engine in Enum.GetValues<StoreEngine>())
            Assert.Equal("", DatabaseDump.Damage(_directory.File($"{engine}.db")));
    }

    [Fact]
    public void A_run_that_is_given_up_leaves_its_rows_and_no_spool()
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info, Everything))
            new RandomHistory(1).Play(store, 20_000);
        Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        using var database = Database.OpenRead(path);
        AssertSound(database);
        Assert.Equal(20_000, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM _fault"));
    }

    [Fact]
    public void A_spool_that_is_not_what_was_written_is_found_out()
    {
        var path = _directory.File("x.spool");
        using var spool = new Spool(path);
        var extent = spool.Write([1, 2, 3]);
        using (var other = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            other.Position = extent.Offset;
            other.WriteByte(9);
        }

        var failure = Assert.Throws<StoreException>(() => spool.Read(extent, new byte[3]));
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Throws<StoreException>(() => Spool.Reopen(path, 100));
    }

    private static void Store(string path, int seed, int rounds, bool append)
    {
        using var store = append ? HistoryStore.Append(path, SampleHistory.Info, Everything) : HistoryStore.Create(path, SampleHistory.Info, Everything, overwrite: true);
        new RandomHistory(seed).Play(store, rounds);
        store.Complete(RandomHistory.Summary);
    }

    private static void AssertSound(Database database) => Assert.Equal(["ok"], database.Connection.Query<string>("PRAGMA integrity_check"));

    private static void AssertSameRows(SqliteConnection connection, string table, string otherTable, int run, int other)
    {
        var name = table[(table.IndexOf('.', StringComparison.Ordinal) + 1)..];
        // By the primary key: a plus keeps SQLite from using another index.
        var columns = connection.Query<string>($"SELECT iif(pk, 'b.', '+b.') || name || ' IS a.' || name FROM pragma_table_info('{name}') WHERE name <> 'run'");
        var rows = connection.ExecuteScalar<long>($"SELECT count(*) FROM {table} WHERE run = {run}");
        Assert.Equal(rows, connection.ExecuteScalar<long>($"SELECT count(*) FROM {otherTable} WHERE run = {other}"));
        Assert.Equal(rows, connection.ExecuteScalar<long>(
            $"SELECT count(*) FROM {table} AS a JOIN {otherTable} AS b ON b.run = {other} AND {string.Join(" AND ", columns)} WHERE a.run = {run}"));
    }
}
