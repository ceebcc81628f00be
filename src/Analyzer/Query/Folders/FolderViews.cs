using System.Text.RegularExpressions;
using Replay.Analyzer.Store.Parts;

namespace Replay.Analyzer.Query.Folders;

/// <summary>The public views over folders of Parquet, for DuckDB: made of the SQL that makes them for SQLite.</summary>
public static partial class FolderViews
{
    /// <summary>
    /// The statements that make what a query needs: of each view it names those columns that it names, since DuckDB also computes what nobody
    /// reads of a lookup.
    /// </summary>
    /// <param name="folders">The folders, as DuckDB finds them.</param>
    /// <param name="sql">The query, and whatever else names columns.</param>
    public static IEnumerable<string> For(IReadOnlyList<string> folders, string sql)
    {
        var words = SqlTokens.Words(sql);
        var isAll = Star().IsMatch(sql);
        // A view that reads views names columns too.
        foreach (var whole in ViewSelect.All.Values.Where(view => words.Contains(view.View.Name) && view.IsWhole).ToList())
            words.UnionWith(SqlTokens.Words(whole.Source));
        return For(folders, [.. ViewSelect.All.Values.Where(view => words.Contains(view.View.Name)).OrderBy(view => view.IsWhole)], column => isAll || words.Contains(column));
    }

    /// <summary>The statements that make all views, without the columns that need a lookup in a table of records.</summary>
    public static IEnumerable<string> All(IReadOnlyList<string> folders) =>
        For(folders, [.. ViewSelect.All.Values.OrderBy(view => view.IsWhole)], _ => true, view => [.. LeftOut(view)]);

    /// <summary>The columns that <see cref="All"/> leaves out.</summary>
    public static IEnumerable<string> LeftOut() => ViewSelect.All.Values.SelectMany(view => LeftOut(view).Select(column => $"{view.View.Name}.{column}"));

    private static IEnumerable<string> LeftOut(ViewSelect view) =>
        view.View.Columns.Where((_, i) => !view.IsWhole && RecordLookup().IsMatch(view.Expressions[i])).Select(column => column.Name);

    private static IEnumerable<string> For(
        IReadOnlyList<string> folders, IReadOnlyList<ViewSelect> views, Func<string, bool> isWanted, Func<ViewSelect, IReadOnlyList<string>>? leftOut = null)
    {
        var tables = new SortedSet<string>(StringComparer.Ordinal);
        var statements = new List<string>();
        foreach (var view in views)
        {
            var without = leftOut?.Invoke(view) ?? [];
            var columns = Enumerable.Range(0, view.Expressions.Count)
                .Where(i => !without.Contains(view.View.Columns[i].Name) && (i == 0 || isWanted(view.View.Columns[i].Name)))
                .ToList();
            tables.UnionWith(view.Words(columns.Select(i => view.Expressions[i])).Where(word => word[0] == '_'));
            statements.Add(view.IsWhole
                ? $"CREATE VIEW {view.View.Name} ({string.Join(", ", view.View.Columns.Select(column => Quoted(column.Name)))}) AS {DuckDbSql.Of(view.Source)}"
                : $"CREATE VIEW {view.View.Name} AS SELECT {string.Join(", ", columns.Select(i => Column(view, i)))} {DuckDbSql.Of(view.Source)}");
        }

        return [.. tables.Select(table => Table(folders, table)), .. statements];
    }

    private static string Column(ViewSelect view, int i)
    {
        var column = view.View.Columns[i];
        var type = column.Type is "text" or "hex" ? "VARCHAR" : "BIGINT";
        return $"CAST({DuckDbSql.Of(view.Expressions[i])} AS {type}) AS {Quoted(column.Name)}";
    }

    private static string Quoted(string name) => $"\"{name}\"";

    private static string Table(IReadOnlyList<string> folders, string table)
    {
        var folder = PartLayouts.FolderOf(table);
        string Files(string pattern) => $"[{string.Join(", ", folders.Select(path => $"'{path.TrimEnd('/').Replace("'", "''")}/{folder}/{pattern}'"))}]";
        return table == "_function"
            ? $"CREATE VIEW _function AS SELECT DISTINCT function, name FROM read_parquet({Files("part-0.parquet")}, hive_partitioning = false)"
            : $"CREATE VIEW {table} AS SELECT * FROM read_parquet({Files("run=*/*.parquet")}, hive_partitioning = true, hive_types = {{'run': BIGINT}})";
    }

    /// <summary><c>SELECT *</c> and <c>t.*</c>; neither <c>count(*)</c> nor a product.</summary>
    [GeneratedRegex(@"(\bSELECT\s+(ALL\s+|DISTINCT\s+)?|,\s*|\.)\*|\b(DESCRIBE|SUMMARIZE)\b|^\s*FROM\b", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture)]
    private static partial Regex Star();

    [GeneratedRegex(@"\bFROM _(table_page|fault|write_origin|access|vm_exit|table_write)\b", RegexOptions.ExplicitCapture)]
    private static partial Regex RecordLookup();
}
