using System.Text;
using System.Text.RegularExpressions;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store.BTrees;

namespace Replay.Analyzer.Query.Folders;

/// <summary>A view's SQL taken apart: an expression for each column, and where the rows come from.</summary>
/// <param name="View">The view.</param>
/// <param name="Expressions">Those of its columns; empty: it joins several results together and is taken whole.</param>
/// <param name="Source">From <c>FROM</c> on, or all of it.</param>
internal sealed partial record ViewSelect(ViewDefinition View, IReadOnlyList<string> Expressions, string Source)
{
    public static IReadOnlyDictionary<string, ViewSelect> All { get; } =
        SqlFiles.Views.ToDictionary(file => file.Name, Parse, StringComparer.Ordinal);

    public bool IsWhole => Expressions.Count == 0;

    /// <summary>Private tables and public views that it reads with these columns, and all names of columns that it uses of them.</summary>
    public HashSet<string> Words(IEnumerable<string> expressions) => SqlTokens.Words(string.Join(' ', expressions) + " " + Source);

    private static ViewSelect Parse(SqlFile file)
    {
        var view = ViewDefinition.All.Single(view => view.Name == file.Name);
        var body = file.Text[(file.Text.IndexOf("\n) AS\n", StringComparison.Ordinal) + 6)..].Trim().TrimEnd(';');
        var tokens = SqlTokens.Of(body);
        var expressions = new List<string>();
        var expression = new StringBuilder();
        var (depth, isWhole, at) = (0, false, 0);
        for (var i = 0; i < tokens.Count; i++)
        {
            depth += tokens[i].Is("(") ? 1 : tokens[i].Is(")") ? -1 : 0;
            isWhole |= depth == 0 && tokens[i].Is("UNION");
        }

        if (isWhole)
            return new ViewSelect(view, [], body);
        var isSelect = false;
        for (; at < tokens.Count; at++)
        {
            var token = tokens[at];
            depth += token.Is("(") ? 1 : token.Is(")") ? -1 : 0;
            if (depth == 0 && !isSelect && token.Is("SELECT"))
            {
                isSelect = true;
                continue;
            }

            if (depth == 0 && token.Is("FROM"))
                break;
            if (depth == 0 && token.Is(","))
            {
                expressions.Add(expression.ToString().Trim());
                expression.Clear();
            }
            else if (isSelect)
            {
                expression.Append(token.Text);
            }
        }

        expressions.Add(expression.ToString().Trim());
        var source = string.Concat(tokens.Skip(at).Select(token => token.Text));
        if (expressions.Count != view.Columns.Count)
            throw new FormatException($"{file.Name}.sql: {view.Columns.Count} columns and {expressions.Count} expressions");
        return LoadedTables.All.Any(table => source.StartsWith($"FROM {table.Name} ", StringComparison.Ordinal))
            ? new ViewSelect(view, [.. expressions.Select(WithNames)], source)
            : new ViewSelect(view, expressions, source);
    }

    /// <summary>The files of records have the names of chains, which SQLite looks up: see <see cref="Store.Parts.PartLayouts"/>.</summary>
    private static string WithNames(string expression) => ChainPath().Replace(ChainFunction().Replace(expression, "$1.chain_function"), "$1.chain_path");

    [GeneratedRegex(@"\(SELECT f\.name FROM _chain AS c JOIN _function AS f ON f\.function = c\.function WHERE c\.run = (\w+)\.run AND c\.chain_id = \1\.chain_id\)")]
    private static partial Regex ChainFunction();

    [GeneratedRegex(@"\(SELECT c\.path FROM _chain AS c WHERE c\.run = (\w+)\.run AND c\.chain_id = \1\.chain_id\)")]
    private static partial Regex ChainPath();
}
