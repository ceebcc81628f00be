using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;

namespace Replay.Cli.Shell;

/// <summary>What may follow in a line: commands, canned queries and their parameters, views, columns of the views that are named, words of SQL.</summary>
internal sealed class ShellCompletion(Database database)
{
    private static readonly string[] Words =
    [
        "select", "from", "where", "group by", "order by", "limit", "join", "left join", "using", "as", "and", "or", "not", "in", "is null", "between", "like",
        "having", "distinct", "union all", "with", "case", "when", "then", "else", "end", "desc", "count(*)", "sum(", "min(", "max(", "avg(", "printf(", "coalesce(",
    ];

    /// <summary>What may stand where the line ends.</summary>
    /// <param name="line">What is written up to there.</param>
    /// <returns>Where the word begins that is half written, and what it may become.</returns>
    public (int Start, IReadOnlyList<string> Found) Find(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        var start = line.Length;
        while (start > 0 && (char.IsLetterOrDigit(line[start - 1]) || line[start - 1] is '_' or '-'))
            start--;
        if (start > 0 && line[start - 1] is '@' || (start == 1 && line[0] == '.'))
            start--;
        var part = line[start..];
        return (start, [.. Candidates(line[..start], part).Where(name => name.StartsWith(part, StringComparison.OrdinalIgnoreCase)).Distinct()]);
    }

    /// <summary>How all of these names begin.</summary>
    public static string Common(IReadOnlyList<string> names)
    {
        var length = names.Min(name => name.Length);
        while (!names.All(name => name.AsSpan(0, length).Equals(names[0].AsSpan(0, length), StringComparison.OrdinalIgnoreCase)))
            length--;
        return names[0][..length];
    }

    private IEnumerable<string> Candidates(string before, string part)
    {
        var words = before.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0 && part.StartsWith('.'))
            return ShellSession.Commands.Select(command => command.Name);
        if (part.StartsWith('@'))
            return CannedQueries.All.Select(query => "@" + query.Name);
        if (words.Length > 0 && words[0].StartsWith('@'))
            return CannedParameters(words[0], before);
        if (words.Length > 0 && words[0].StartsWith('.'))
        {
            return words[0] switch
            {
                ".mode" => ResultFormat.All.Select(format => format.Name),
                ".schema" => ViewDefinition.All.Select(view => view.Name),
                ".queries" => CannedQueries.All.Select(query => query.Name),
                ".timer" or ".wide" => ["on", "off"],
                _ => [],
            };
        }

        var views = ViewDefinition.All.Select(view => view.Name);
        if (words.Length > 0 && words[^1].ToUpperInvariant() is "FROM" or "JOIN")
            return views;
        var named = ViewDefinition.All.Where(view => words.Any(word => word.Trim('(', ')', ',', ';') == view.Name)).ToList();
        return (named.Count > 0 ? named : ViewDefinition.All).SelectMany(view => view.Columns).Select(column => column.Name).Concat(views).Concat(Words);
    }

    private IEnumerable<string> CannedParameters(string name, string before)
    {
        if (CannedQueries.All.FirstOrDefault(query => "@" + query.Name == name) is not { } query)
            return [];
        return before.EndsWith("run=", StringComparison.Ordinal) ? database.Runs.Select(run => run.Name) : query.Parameters.Select(parameter => parameter.Name + "=");
    }
}
