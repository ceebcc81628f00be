using System.Text.RegularExpressions;

namespace Replay.Analyzer.Schema;

/// <summary>A public view as its file in <c>schemas/db/views</c> describes it.</summary>
/// <remarks>
/// The file's head is the description of the view; its first sentence is the summary. Behind every column stands a comment
/// <c>-- type: description</c>, or <c>-- type &gt; view.column: description</c> for a reference.
/// </remarks>
/// <param name="Name">Its name.</param>
/// <param name="Description">Paragraphs of the head.</param>
/// <param name="Columns">Its columns in order.</param>
public sealed partial record ViewDefinition(string Name, IReadOnlyList<string> Description, IReadOnlyList<ViewColumn> Columns)
{
    /// <summary>All public views, by name.</summary>
    public static IReadOnlyList<ViewDefinition> All { get; } = [.. SqlFiles.Views.Select(Parse)];

    internal static ViewDefinition Parse(SqlFile file)
    {
        var description = new List<string>();
        var columns = new List<ViewColumn>();
        var lines = file.Text.Split('\n');
        var i = 0;
        for (; lines[i].StartsWith("--", StringComparison.Ordinal); i++)
            AddToParagraphs(description, lines[i][2..].Trim());
        if (lines[i].Trim() != $"CREATE VIEW {file.Name} (")
            throw new FormatException($"{file.Name}.sql: after the description must stand CREATE VIEW {file.Name} (");
        for (i++; lines[i] != ") AS"; i++)
        {
            var match = ColumnLine().Match(lines[i]);
            if (!match.Success)
                throw new FormatException($"{file.Name}.sql: '{lines[i].Trim()}' is no documented column");
            var reference = match.Groups["reference"];
            columns.Add(new ViewColumn(
                match.Groups["name"].Value,
                match.Groups["type"].Value,
                reference.Success ? reference.Value : null,
                match.Groups["text"].Value.Trim()));
        }

        return new ViewDefinition(file.Name, description, columns);
    }

    private static void AddToParagraphs(List<string> paragraphs, string line)
    {
        if (line.Length == 0)
            paragraphs.Add("");
        else if (paragraphs.Count == 0)
            paragraphs.Add(line);
        else
            paragraphs[^1] = paragraphs[^1].Length == 0 ? line : $"{paragraphs[^1]} {line}";
    }

    [GeneratedRegex(@"^  (?<name>\w+),?\s+-- (?<type>integer|boolean|text|address|hex)(?: > (?<reference>\w+\.\w+))?: (?<text>.+)$")]
    private static partial Regex ColumnLine();
}

/// <summary>A column of a public view.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type"><c>integer</c>, <c>boolean</c> (0 or 1), <c>text</c>, <c>address</c> (64 bits in a signed integer), <c>hex</c> (text, 0x and digits).</param>
/// <param name="References">The column of another view that it refers to, as <c>view.column</c>; null: none.</param>
/// <param name="Description">What it holds.</param>
public sealed record ViewColumn(string Name, string Type, string? References, string Description);
