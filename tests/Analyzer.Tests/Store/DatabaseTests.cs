using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Tests;

public sealed class DatabaseTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_missing_file_is_told() => AssertOneLine<FileNotFoundException>(_directory.File("none.db"), "no such database");

    [Theory]
    [InlineData("")]
    [InlineData("some text that is no database, and longer than a hundred bytes, so that the length alone does not tell it from one......")]
    public void A_file_that_is_no_database_is_told(string content)
    {
        var path = _directory.File("x.db");
        File.WriteAllText(path, content);
        AssertOneLine<DatabaseFormatException>(path, "no SQLite database");
    }

    [Fact]
    public void A_database_of_another_program_is_told()
    {
        var path = _directory.File("x.db");
        Change(path, "CREATE TABLE t (a)");
        AssertOneLine<DatabaseFormatException>(path, "not one of Replay");
    }

    [Fact]
    public void A_newer_schema_is_told_with_what_was_found_and_what_is_expected()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        Change(path, $"PRAGMA user_version = {DatabaseSchema.Version + 1}");
        AssertOneLine<DatabaseFormatException>(path, $"schema {DatabaseSchema.Version + 1}; this tool reads {DatabaseSchema.Version}");
        var error = Assert.Throws<DatabaseFormatException>(() => HistoryStore.Append(path, SampleHistory.Info));
        Assert.Contains("Update the tool", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_database_is_told()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        using (var file = File.OpenWrite(path))
        {
            // The schema's own page, behind the header.
            file.Position = 100;
            file.Write(Enumerable.Repeat((byte)0xa5, 3000).ToArray());
        }

        AssertOneLine<DatabaseFormatException>(path, "damaged");
    }

    [Theory]
    [InlineData("options", "{")]
    [InlineData("options", "null")]
    [InlineData("options", "[1]")]
    [InlineData("capture_blind", "{}")]
    public void A_run_whose_documents_are_damaged_is_told(string column, string text)
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        Change(path, $"UPDATE _run SET {column} = '{text}'");
        using var database = Database.OpenRead(path);
        var run = Assert.Single(database.Runs);
        var error = Assert.Throws<DatabaseFormatException>(() => (run.OptionsByName().Count, run.BlindSpots().Count));
        Assert.Contains($"its {column}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_whose_row_has_text_for_a_number_is_told()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        Change(path, "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = '_run'");
        Change(path, "UPDATE _run SET accesses = 'x' || char(10)");
        AssertOneLine<DatabaseFormatException>(path, "damaged");
    }

    [Fact]
    public void A_database_cut_short_is_told()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        using (var file = File.OpenWrite(path))
            file.SetLength(4096);
        AssertOneLine<DatabaseFormatException>(path, "damaged");
    }

    [Fact]
    public void A_database_that_is_being_written_is_told()
    {
        var path = _directory.File("x.db");
        using (HistoryStore.Create(path, SampleHistory.Info))
            AssertOneLine<FileNotFoundException>(path, "is not made yet");
        using var store = HistoryStore.Append(path, SampleHistory.Info);
        AssertOneLine<StoreException>(path, "being written");
    }

    [Fact]
    public void A_reader_cannot_write()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        Assert.Throws<SqliteException>(() => database.Connection.Execute("DELETE FROM _run"));
    }

    [Fact]
    public void A_plain_sqlite_client_reads_every_view()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        foreach (var view in ViewDefinition.All)
            _ = connection.Query($"SELECT * FROM {view.Name}").AsList();
    }

    private static void AssertOneLine<T>(string path, string expected)
        where T : Exception
    {
        var error = Assert.Throws<T>(() => Database.OpenRead(path).Dispose());
        Assert.StartsWith(path + ":", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static void Change(string path, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Execute(sql);
    }
}
