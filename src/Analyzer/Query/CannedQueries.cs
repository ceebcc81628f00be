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
/// -- param run run = first: Which run.
/// -- param table_id integer: Which table.
/// -- answer: value_hex, function
/// -- needs: table_write.clears
/// -- empty if NOT EXISTS (SELECT 1 FROM table_page WHERE run = :run AND table_id = :table_id) then the run has no such table.
/// -- empty: nothing had been written to it by then.
/// </code>
/// Columns that <c>answer</c> are shown where a terminal has no room for all, the first named first. A parameter without a default must be given; a run's is <c>first</c> or <c>every</c> (<see cref="CannedQuery.RunRule"/>). Where it has no rows,
/// the first reason that holds is told: a fact that is needed and that the run's trace could not show, or one of the lines <c>empty</c>.
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

        throw new QueryException($"there is no canned query @{name}.{DidYouMean.Ask(name, All.Select(query => query.Name), "'replay query --list' lists them.", "@")}");
    }

    /// <summary>Refuses SQL that is the name of a canned query, or nearly so, without its @.</summary>
    /// <param name="sql">What was written.</param>
    /// <param name="isWhole">No more of it comes: a word that is like a name is meant as one.</param>
    /// <exception cref="QueryException">It is.</exception>
    public static void RefuseName(string sql, bool isWhole = true)
    {
        ArgumentNullException.ThrowIfNull(sql);
        if (LoneName().Match(sql) is not { Success: true } match)
            return;
        var name = match.Groups["name"].Value;
        var isKnown = All.Any(query => query.Name == name);
        // No statement of SQL is a single word, or goes on with a value of a parameter.
        if (isKnown || (isWhole && match.Groups["rest"].Length == 0
            && DidYouMean.Near(name, All.Select(query => query.Name)).Count > 0))
            throw new QueryException($"'{name}' is no SQL.{DidYouMean.Ask(name, All.Select(query => query.Name), prefix: "@")}");
    }

    internal static CannedQuery Parse(SqlFile file)
    {
        string? title = null;
        var description = new List<string>();
        var parameters = new List<CannedParameter>();
        var needs = new List<string>();
        var answer = new List<string>();
        var empty = new List<EmptyReason>();
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
            else if (NameList().Match(text) is { Success: true } list)
            {
                (list.Groups["what"].Value == "needs" ? needs : answer).AddRange(list.Groups["names"].Value.Split(',', StringSplitOptions.TrimEntries));
                inDescription = false;
            }
            else if (EmptyLine().Match(text) is { Success: true } match)
            {
                empty.Add(new EmptyReason(match.Groups["condition"] is { Success: true } condition ? condition.Value : null, match.Groups["text"].Value));
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
            file.Text,
            needs,
            empty,
            answer);
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

    [GeneratedRegex(@"^\s*(?<name>[A-Za-z0-9]+([-_][A-Za-z0-9]+)*)(?<rest>(\s+(-p\s+)?\w+=\S*)*)\s*;?\s*$", RegexOptions.ExplicitCapture)]
    private static partial Regex LoneName();

    [GeneratedRegex("^(?<what>needs|answer): ?(?<names>.+)$")]
    private static partial Regex NameList();

    [GeneratedRegex(@"^empty(?: if (?<condition>.+?) then |: )(?<text>.+)$")]
    private static partial Regex EmptyLine();
}
