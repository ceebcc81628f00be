using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Replay.Tests;

/// <summary>A database as text that does not depend on who wrote it or where its pages lie.</summary>
internal static class DatabaseDump
{
    /// <summary>The schema, and every row of every table in order of its columns. Asserts nothing; a damaged file throws.</summary>
    public static List<string> Of(string path)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        var lines = Texts(connection, "SELECT json_array(type, name, tbl_name, sql) FROM sqlite_schema WHERE name <> 'sqlite_stat1' ORDER BY 1");
        foreach (var table in Texts(connection, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"))
        {
            var columns = string.Join(", ", Texts(connection, $"SELECT '\"' || name || '\"' FROM pragma_table_info('{table}') ORDER BY cid"));
            lines.AddRange(Texts(connection, $"SELECT '{table} ' || json_array({columns}) FROM {table} NOT INDEXED ORDER BY {columns}"));
        }

        return lines;
    }

    /// <summary>Of the same text.</summary>
    public static string Hash(string path)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var line in Of(path))
            hash.AppendData(Encoding.UTF8.GetBytes(line + '\n'));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>What SQLite finds wrong with the file; empty: nothing.</summary>
    public static string Damage(string path)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
        connection.Open();
        var found = string.Join('\n', Texts(connection, "PRAGMA integrity_check"));
        return found == "ok" ? "" : found;
    }

    private static List<string> Texts(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var texts = new List<string>();
        while (reader.Read())
            texts.Add(reader.GetString(0));
        return texts;
    }
}
