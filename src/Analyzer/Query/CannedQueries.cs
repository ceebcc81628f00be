using System.Text.RegularExpressions;
using Replay.Analyzer.Schema;
using Replay.Trace;

namespace Replay.Analyzer.Query;

/// <summary>The canned queries of <c>schemas/db/queries</c>.</summary>
/// <remarks>
/// A file's head says all there is to know of it:
/// <code>
/// -- title: What an entry held
/// -- description: One or more sentences, on one or more lines.
/// -- param run run = (SELECT min(run) FROM run): Which run.
/// -- param table_id integer: Which table.
/// </code>
/// A parameter without a default must be given.
/// </remarks>
public static partial class CannedQueries
{
    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<CannedQuery> All { get; } = [.. SqlFiles.Queries.Select(Parse)];

    /// <summary>The query of this name, with or without the @.</summary>
    /// <exception cref="QueryException">There is none; the message names those that are like it.</exception>
    public static CannedQuery Find(string name)
    {
        name = name.TrimStart('@');
        foreach (var query in All)
        {
            if (query.Name == name)
                return query;
        }

        throw new QueryException($"there is no canned query @{name}.{NameHints.Ask(name, All.Select(query => query.Name), "'replay query --list' lists them.", "@")}");
    }

    internal static CannedQuery Parse(SqlFile file)
    {
        string? title = null;
        var description = new List<string>();
        var parameters = new List<CannedParameter>();
        var inDescription = false;
        foreach (var line in file.Text.Split('\n'))
        {
            if (!line.StartsWith("--", StringComparison.Ordinal))
                break;
            var text = line[2..].Trim();
            if (text.StartsWith("title:", StringComparison.Ordinal))
            {
                title = text["title:".Length..].Trim();
                inDescription = false;
            }
            else if (text.StartsWith("description:", StringComparison.Ordinal))
            {
                description.Add(text["description:".Length..].Trim());
                inDescription = true;
            }
            else if (text.StartsWith("param ", StringComparison.Ordinal))
            {
                parameters.Add(ParseParameter(file.Name, text));
                inDescription = false;
            }
            else if (inDescription)
            {
                description.Add(text);
            }
        }

        return new CannedQuery(
            file.Name,
            title ?? throw new FormatException($"{file.Name}.sql has no title"),
            string.Join(' ', description),
            parameters,
            file.Text);
    }

    private static CannedParameter ParseParameter(string file, string text)
    {
        var match = ParameterLine().Match(text);
        if (!match.Success)
            throw new FormatException($"{file}.sql: '{text}' is no parameter");
        var type = Enum.Parse<CannedParameterType>(match.Groups["type"].Value, ignoreCase: true);
        var @default = match.Groups["default"];
        return new CannedParameter(match.Groups["name"].Value, type, @default.Success ? @default.Value.Trim() : null, match.Groups["text"].Value.Trim());
    }

    [GeneratedRegex(@"^param (?<name>\w+) (?<type>integer|text|run)(?: = (?<default>.+?))?: (?<text>.+)$")]
    private static partial Regex ParameterLine();
}
