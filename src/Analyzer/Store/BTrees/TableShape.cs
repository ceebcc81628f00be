using Replay.Replayer;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>How the rows of a table of records lie on disk: columns are numbered as <see cref="IRowLayout{T}.Columns"/> has them.</summary>
/// <param name="Name">As in the schema.</param>
/// <param name="Order">Columns in the order in which they are stored; below 0: one that is always NULL.</param>
/// <param name="Key">How many of them are the primary key; the first is the run.</param>
/// <param name="Indexes">All indexes but the primary key.</param>
internal sealed record TableShape(string Name, int[] Order, int Key, IndexShape[] Indexes)
{
    /// <summary>As the schema has it now.</summary>
    public static TableShape Read(NativeConnection connection, string table, string columns)
    {
        var bound = columns.Split(", ");
        var indexes = connection.QueryTexts($"SELECT name FROM pragma_index_list('{table}') ORDER BY origin <> 'pk', name");
        var (order, key) = Columns(connection, indexes[0], bound);
        return new TableShape(table, order, key, [.. indexes.Skip(1).Select(index => ReadIndex(connection, index, bound))]);
    }

    /// <summary>The columns of a table in the order in which they are stored.</summary>
    public static IReadOnlyList<string> StoredColumns(NativeConnection connection, string table) =>
        connection.QueryTexts($"SELECT x.name FROM pragma_index_list('{table}') AS l JOIN pragma_index_xinfo(l.name) AS x WHERE l.origin = 'pk' ORDER BY x.seqno");

    private static IndexShape ReadIndex(NativeConnection connection, string index, string[] bound)
    {
        var (columns, sorted) = Columns(connection, index, bound);
        Invariant.Holds(Array.TrueForAll(columns, column => column >= 0), $"{index} has a column that is not stored with the rows");
        Invariant.Holds(columns.AsSpan(0, sorted).Contains(Array.IndexOf(bound, "run")), $"{index} does not tell runs apart");
        var condition = connection.QueryTexts($"SELECT sql FROM sqlite_schema WHERE name = '{index}'")[0].Split(" WHERE ");
        Invariant.Holds(condition.Length == 1 || condition[1] == $"{bound[columns[0]]} IS NOT NULL", $"{index} leaves out rows by another rule than its first column");
        return new IndexShape(index, columns, sorted, condition.Length > 1);
    }

    private static (int[] Columns, int Key) Columns(NativeConnection connection, string index, string[] bound)
    {
        var names = connection.QueryTexts($"SELECT name FROM pragma_index_xinfo('{index}') ORDER BY seqno");
        var key = connection.QueryInt64($"SELECT count(*) FROM pragma_index_xinfo('{index}') WHERE \"key\"");
        return ([.. names.Select(name => Array.IndexOf(bound, name))], (int)key);
    }
}
