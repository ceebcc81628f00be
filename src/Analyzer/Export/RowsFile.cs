using Replay.Analyzer.Query;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Export;

/// <summary>The rows of any query as a Parquet file. A column is of integers or of numbers where all its values are, else of text.</summary>
public static class RowsFile
{
    /// <param name="run">Runs the query; called twice, since types are known only when all values were seen.</param>
    /// <param name="path">The file, which must not be there.</param>
    /// <returns>Rows written, and why there are no more.</returns>
    public static (long Rows, QueryEnd End) Write(Func<QueryExecution> run, string path)
    {
        TableColumn[] columns;
        using (var first = run())
            columns = Columns(first);
        using var rows = run();
        rows.NextResult();
        using var file = new TableFileWriter(path, columns);
        while (rows.Read())
        {
            for (var i = 0; i < columns.Length; i++)
            {
                if (rows[i].Kind != SqlValueKind.Null)
                    Set(file, i, columns[i].Type, rows[i]);
            }

            file.EndRow();
        }

        file.Finish();
        return (file.Rows, rows.End);
    }

    private static TableColumn[] Columns(QueryExecution rows)
    {
        if (!rows.NextResult())
            throw new QueryException("the SQL has no result.");
        var types = new TableColumnType?[rows.Columns.Count];
        while (rows.Read())
        {
            for (var i = 0; i < types.Length; i++)
                types[i] = Wider(types[i], rows[i].Kind);
        }

        // Two columns of one name would make a file that nobody can read.
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return [.. rows.Columns.Select((name, i) => new TableColumn(Unique(name, names), types[i] ?? TableColumnType.Text))];
    }

    private static string Unique(string name, HashSet<string> taken)
    {
        var unique = name;
        for (var number = 2; !taken.Add(unique); number++)
            unique = $"{name}_{number}";
        return unique;
    }

    private static TableColumnType? Wider(TableColumnType? type, SqlValueKind kind) => kind switch
    {
        SqlValueKind.Null => type,
        SqlValueKind.Integer => type ?? TableColumnType.Integer,
        SqlValueKind.Real => type is TableColumnType.Text ? type : TableColumnType.Real,
        _ => TableColumnType.Text,
    };

    private static void Set(TableFileWriter file, int column, TableColumnType type, SqlValue value)
    {
        if (type == TableColumnType.Integer)
            file.Set(column, value.Integer);
        else if (type == TableColumnType.Real)
            file.Set(column, BitConverter.DoubleToInt64Bits(value.Kind == SqlValueKind.Real ? value.Real : value.Integer));
        else
            file.Set(column, value.ToString());
    }
}
