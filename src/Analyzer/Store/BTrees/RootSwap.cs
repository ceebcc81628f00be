using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Puts b-trees that were built behind SQLite's back in the place of empty tables and their indexes.</summary>
/// <remarks>
/// The tables are dropped, which frees their pages, and entered into the schema again with the same SQL and other roots: what SQLite
/// documents `writable_schema` for. All of it within the caller's transaction.
/// </remarks>
internal sealed class RootSwap(IReadOnlyList<(string Name, uint Root)> roots, bool withIndexes)
{
    /// <param name="connection">In a transaction, and opened since the trees were built.</param>
    public void Apply(NativeConnection connection)
    {
        if (withIndexes)
            connection.Execute(SqlFiles.Indexes.Text);
        var objects = roots.Select(root => (
            root.Root,
            root.Name,
            Type: Single(connection, "type", root.Name),
            Table: Single(connection, "tbl_name", root.Name),
            Sql: Single(connection, "sql", root.Name))).ToList();
        foreach (var table in objects.Where(item => item.Type == "table"))
            connection.Execute($"DROP TABLE {table.Name}");
        connection.Execute("PRAGMA writable_schema = ON");
        foreach (var item in objects)
        {
            connection.Run(
                "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)", item.Type, item.Name, item.Table, item.Root, item.Sql);
        }

        connection.Execute("PRAGMA writable_schema = RESET");
        if (withIndexes)
            connection.Execute(SqlFiles.Indexes.Text);
    }

    private static string Single(NativeConnection connection, string column, string name) =>
        connection.QueryTexts($"SELECT {column} FROM sqlite_schema WHERE name = '{name}'")[0];
}
