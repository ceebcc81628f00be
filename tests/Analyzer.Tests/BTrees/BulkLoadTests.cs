using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Layouts;
using Replay.Replayer;
using Replay.Replayer.History;

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
        HistoryFile.Create(path).Dispose();
        var (empty, _) = RootOfFaults(path);
        Store(path, seed, rounds, append: false);
        var (loaded, type) = RootOfFaults(path);
        Assert.True(loaded > empty, "SQLite has taken the rows");
        Assert.Equal("table", type);
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

    [Fact]
    public void The_schema_is_the_one_that_SQLite_would_have()
    {
        Store(_directory.File("loaded.db"), seed: 1, rounds: 100, append: false);
        using (var file = HistoryFile.Create(_directory.File("inserted.db")))
        {
            // While an observed run is written, SQLite takes the rows of all.
            using var observed = file.BeginRun(SampleHistory.Info with { Mode = MmuMode.Observed });
            using var store = file.BeginRun(SampleHistory.Info, Everything);
            new RandomHistory(1).Play(store, 100);
            store.Complete(RandomHistory.Summary);
        }

        Assert.Equal(Schema("inserted.db"), Schema("loaded.db"));

        List<string> Schema(string name)
        {
            using var database = Database.OpenRead(_directory.File(name));
            AssertSound(database);
            return database.Connection.Query<string>(
                "SELECT json_array(type, name, tbl_name, sql) FROM sqlite_schema UNION ALL SELECT json_array('stat', tbl, idx, stat) FROM sqlite_stat1 ORDER BY 1").AsList();
        }
    }

    [Fact]
    public void A_run_that_is_given_up_leaves_its_rows_and_no_spool()
    {
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info, Everything))
            new RandomHistory(1).Play(store, 20_000);
        Assert.False(File.Exists(Spool.PathOf(path)));
        using var database = Database.OpenRead(path);
        AssertSound(database);
        Assert.Equal(20_000, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM _fault"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Trees_of_a_process_that_died_before_they_were_of_use_are_taken_back(bool twice)
    {
        var whole = _directory.File("whole.db");
        Store(whole, seed: 1, rounds: 500, append: false);
        var path = _directory.File("x.db");
        HistoryFile.Create(path).Dispose();
        var empty = new FileInfo(path).Length;
        for (var deaths = twice ? 2 : 1; deaths > 0; deaths--)
        {
            AppendTreesAndDie(path);
            Assert.True(new FileInfo(path).Length > empty);
        }

        Store(path, seed: 1, rounds: 500, append: true);
        using var database = Database.OpenRead(path);
        AssertSound(database);
        Assert.Equal(new FileInfo(whole).Length, new FileInfo(path).Length);
        Assert.False(File.Exists(Spool.PathOf(path)));
    }

    [Fact]
    public void Trees_that_are_in_use_are_not_taken_back()
    {
        var path = _directory.File("x.db");
        Store(path, seed: 1, rounds: 500, append: false);
        var length = new FileInfo(path).Length;
        // As if the process had died before it removed its spool.
        using (var spool = new Spool(Spool.PathOf(path)))
            spool.Mark(45, (uint)(length / BTreePage.Size));
        HistoryFile.Append(path).Dispose();
        using var database = Database.OpenRead(path);
        AssertSound(database);
        Assert.Equal(length, new FileInfo(path).Length);
        Assert.Null(Spool.ReadMark(Spool.PathOf(path)));
    }

    private static void AppendTreesAndDie(string path)
    {
        using var connection = NativeConnection.Open(path, create: false);
        BulkLoad.TakeBack(connection, path);
        connection.Execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
        using var load = BulkLoad.TryBegin(connection, path)!;
        var rows = load.Sink<VmExitRecord, VmExitLayout>(1);
        rows.Insert([.. Enumerable.Range(0, 5_000).Select(id => new VmExitRecord { ExitId = id, Seq = id, Ordinal = id })], 1, EntryClassifier.For(MmuMode.Ept));
        _ = load.Build(connection, withIndexes: true);
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

    private static (long Page, string Type) RootOfFaults(string path)
    {
        using var database = Database.OpenRead(path);
        return database.Connection.QuerySingle<(long, string)>("SELECT rootpage, type FROM sqlite_schema WHERE name = '_fault'");
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
