using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Tests.BTrees;

/// <summary>Tables read page by page give what SQLite gives, whoever filled them; damage is found out or harmless.</summary>
public sealed class TableScanTests : IDisposable
{
    private static readonly StoreOptions Everything = new() { Rmap = true };

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(3_000)]
    public void Rows_of_each_run_are_those_that_SQLite_reads(int rounds)
    {
        var path = Store(rounds);
        using var database = Database.OpenRead(path);
        foreach (var (table, columns) in LoadedTables.All)
        {
            // Another order, and not all of them.
            var wanted = string.Join(", ", columns.Split(", ").Reverse().Where((_, index) => index % 3 != 1));
            for (var run = 0; run <= 5; run++)
                Assert.Equal(BySqlite(database, table, wanted, run), ByScan(path, table, wanted, run));
        }
    }

    [Fact]
    public void Rows_from_an_ordinal_on_are_those_that_SQLite_reads()
    {
        var path = Store(3_000);
        using var database = Database.OpenRead(path);
        foreach (var run in (int[])[1, 3])
        {
            var last = database.Connection.ExecuteScalar<long>($"SELECT max(ordinal) FROM _table_write WHERE run = {run}");
            for (var i = -1; i <= 21; i++)
            {
                var from = last * i / 20;
                var expected = database.Connection.Query<string>($"SELECT ordinal || ' ' || seq FROM _table_write WHERE run = {run} AND ordinal >= {from} ORDER BY ordinal, seq").AsList();
                Assert.Equal(expected, ByScan(path, "_table_write", "ordinal, seq", run, from));
            }
        }
    }

    /// <summary>What the memory map reads: all writes behind an event up to another, by page or by SQLite.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Writes_between_two_events_are_those_that_SQLite_reads(bool isLeftToSqlite)
    {
        var path = Store(300);
        if (isLeftToSqlite)
        {
            using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
            connection.Open();
            connection.Execute("PRAGMA page_size = 8192; VACUUM");
        }

        using var database = Database.OpenRead(path);
        var run = database.Runs[1];
        var last = database.Connection.ExecuteScalar<long>("SELECT max(ordinal) FROM _table_write WHERE run = 2");
        foreach (var (after, to) in ((long, long)[])[(-1, last), (last / 3, last / 2), (last / 2, last / 2), (last, last + 5)])
        {
            var read = new List<string>();
            using (var writes = EntryWrites.Read(database, run, after, to))
            {
                while (writes.Next())
                    read.Add($"{writes.Ordinal} {writes.TableId} {writes.Index} {writes.Gfn} {writes.Value} {writes.Kind.ToString().ToLowerInvariant()}");
            }

            var expected = database.Connection.Query<string>($"SELECT ordinal || ' ' || table_id || ' ' || idx || ' ' || ifnull(gfn, 0) || ' ' || ifnull(new, 0) || ' ' || CASE new_kind WHEN 'unknown' THEN 'other' ELSE new_kind END FROM table_write WHERE run = 2 AND ordinal > {after} AND ordinal <= {to} ORDER BY ordinal, seq").AsList();
            Assert.Equal(expected, read);
        }
    }

    [Fact]
    public void A_writer_waits_until_the_scan_is_over()
    {
        var path = Store(40);
        using (var scan = TableScan.TryOpen(path, "_fault", "ordinal", 1))
        {
            Assert.True(scan!.TryNext(new long[1]));
            Assert.Contains("locked", Assert.Throws<StoreException>(() => Write()).Message, StringComparison.Ordinal);
        }

        Write();

        void Write()
        {
            using var connection = NativeConnection.Open(path, create: false);
            connection.Execute("DELETE FROM _fault");
        }
    }

    [Fact]
    public void A_page_size_of_another_hand_is_left_to_SQLite()
    {
        var path = Store(40);
        using (var connection = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            connection.Open();
            connection.Execute("PRAGMA page_size = 8192; VACUUM");
        }

        Assert.Null(TableScan.TryOpen(path, "_fault", "ordinal", 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_damaged_file_is_said_to_be_or_read_to_an_end(int seed)
    {
        var path = Store(300);
        var whole = File.ReadAllBytes(path);
        var random = new Random(seed);
        var found = 0;
        for (var i = 0; i < 400; i++)
        {
            var bytes = (byte[])whole.Clone();
            for (var flips = random.Next(1, 40); flips > 0; flips--)
                bytes[random.Next(100, bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, bytes);
            try
            {
                foreach (var (table, columns) in LoadedTables.All)
                    _ = ByScan(path, table, columns, run: 2);
            }
            catch (Exception damage) when (damage is DatabaseFormatException or StoreException)
            {
                found++;
                Assert.Contains(path, damage.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(found, 1, 399);
    }

    /// <summary>Two runs that were loaded, and two that SQLite inserted.</summary>
    private string Store(int rounds)
    {
        var path = _directory.File("x.db");
        for (var i = 0; i < 2; i++)
        {
            using var file = i == 0 ? HistoryFile.Create(path, overwrite: true) : HistoryFile.Append(path);
            using var first = file.BeginRun(SampleHistory.Info, Everything);
            using var second = file.BeginRun(SampleHistory.Info, Everything);
            new RandomHistory(i).Play(first, rounds);
            new RandomHistory(i + 10).Play(second, rounds);
            first.Complete(RandomHistory.Summary);
            second.Complete(RandomHistory.Summary);
        }

        return path;
    }

    private static List<string> BySqlite(Database database, string table, string columns, int run)
    {
        var key = string.Join(", ", database.Connection.Query<string>($"SELECT name FROM pragma_table_info('{table}') WHERE pk ORDER BY pk"));
        var numbers = string.Join(" || ' ' || ", columns.Split(", ").Select(column => $"ifnull({column}, 0)"));
        return database.Connection.Query<string>($"SELECT {numbers} || '' FROM {table} WHERE run = {run} ORDER BY {key}").AsList();
    }

    private static List<string> ByScan(string path, string table, string columns, int run, long from = long.MinValue)
    {
        var rows = new List<string>();
        using var scan = TableScan.TryOpen(path, table, columns, run, from);
        if (scan is null)
            return rows;
        var values = new long[columns.Split(", ").Length];
        while (scan.TryNext(values))
            rows.Add(string.Join(' ', values));
        return rows;
    }
}
