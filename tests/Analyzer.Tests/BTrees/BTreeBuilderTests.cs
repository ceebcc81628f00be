using System.Buffers.Binary;
using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Tests.BTrees;

/// <summary>Trees of one to four levels, with as many rows as make pages just full, and one more.</summary>
public sealed class BTreeBuilderTests : IDisposable
{
    /// <summary>The widest rows make the most levels.</summary>
    private const int Columns = RowValues.MaxColumns;

    private const long Wide = long.MinValue;

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Any_number_of_rows_makes_a_sound_tree()
    {
        for (var rows = 0; rows < 90; rows++)
            Check(rows, $"{rows}.db");
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Levels_grow_as_they_must(int levels)
    {
        // Of the widest rows a leaf holds 18, and so does a page above, which has a child more.
        var full = 18;
        for (var level = 1; level < levels; level++)
            full = ((full + 1) * 19) - 1;
        for (var rows = full - 22; rows <= full + 22; rows++)
            Check(rows, $"{rows}.db");
    }

    [Fact]
    public void The_page_that_SQLite_locks_is_left_out()
    {
        const uint LockPage = (1 << 30) / BTreePage.Size + 1;
        var path = _directory.File("x.db");
        Create(path);
        // As if the database were almost 1 GiB: what is not written is a hole in the file.
        using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite))
        {
            var header = new byte[100];
            file.ReadExactly(header);
            BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(28), LockPage - 10);
            file.Position = 0;
            file.Write(header);
            file.SetLength((LockPage - 10) * BTreePage.Size);
        }

        Fill(path, 1000);
        Assert.Equal(1000, Read(path, $"SELECT count(DISTINCT key) FROM t WHERE c1 = {Wide}"));
        using var filled = new FileStream(path, FileMode.Open, FileAccess.Read);
        filled.Position = (LockPage - 1L) * BTreePage.Size;
        var page = new byte[BTreePage.Size];
        filled.ReadExactly(page);
        Assert.All(page, value => Assert.Equal(0, value));
        Assert.NotEqual(0, filled.ReadByte());
    }

    private void Check(int rows, string name)
    {
        var path = _directory.File(name);
        Create(path);
        Fill(path, rows);
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        connection.Execute("PRAGMA synchronous = OFF");
        Assert.Equal(["ok"], connection.Query<string>("PRAGMA integrity_check"));
        Assert.Equal(
            (rows, rows == 0 ? 0 : (long)rows * (rows - 1) / 2, rows),
            connection.QuerySingle<(long, long, long)>($"SELECT count(*), ifnull(sum(key), 0), count(*) FILTER (WHERE c{Columns - 1} = {Wide}) FROM t"));
        // SQLite goes on with it.
        connection.Execute("DELETE FROM t WHERE key % 3 = 1; INSERT INTO t (key) SELECT -key - 1 FROM t");
        Assert.Equal(["ok"], connection.Query<string>("PRAGMA integrity_check"));
        connection.Close();
        File.Delete(path);
    }

    private static void Create(string path)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        connection.Execute($"PRAGMA synchronous = OFF; CREATE TABLE t (key INTEGER PRIMARY KEY, {string.Join(", ", Enumerable.Range(1, Columns - 1).Select(column => $"c{column} INTEGER"))}) WITHOUT ROWID");
    }

    private static void Fill(string path, int rows)
    {
        using var pages = new DatabasePages(path);
        Assert.True(pages.AreUsual);
        var tree = new BTreeBuilder(pages, root: 2);
        var values = new long[Columns];
        Array.Fill(values, Wide);
        int[] order = [.. Enumerable.Range(0, Columns)];
        var room = new byte[RecordCell.Room];
        for (var row = 0; row < rows; row++)
        {
            values[0] = row;
            tree.Append(RecordCell.Encode(values, 0, order, room));
        }

        tree.Finish();
        pages.Commit();
    }

    private static long Read(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        return connection.ExecuteScalar<long>(sql);
    }
}
