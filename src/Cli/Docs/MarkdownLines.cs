using System.Text;
using System.Text.RegularExpressions;

namespace Replay.Cli.Docs;

/// <summary>Breaks the paragraphs of a page so that its lines fit an editor. Tables, code and headings stay as they are.</summary>
internal static partial class MarkdownLines
{
    /// <summary>Characters of a line of prose.</summary>
    public const int Width = 120;

    /// <summary>The page with each paragraph broken anew that has a longer line. What fits stays as it was broken.</summary>
    public static string Fit(string page)
    {
        var text = new StringBuilder();
        var paragraph = new List<string>();
        var isCode = false;
        foreach (var line in page.ReplaceLineEndings("\n").Split('\n'))
        {
            var isFence = line.TrimStart().StartsWith("```", StringComparison.Ordinal);
            if (isCode || isFence || IsWhole(line))
            {
                Flush();
                text.Append(line).Append('\n');
                isCode ^= isFence;
                continue;
            }

            if (Item().IsMatch(line))
                Flush();
            paragraph.Add(line);
        }

        Flush();
        return text.ToString(0, text.Length - 1);

        void Flush()
        {
            foreach (var line in paragraph.TrueForAll(line => line.Length <= Width) ? paragraph : Break(paragraph))
                text.Append(line).Append('\n');
            paragraph.Clear();
        }
    }

    private static bool IsWhole(string line) => line.Trim().Length == 0 || line[0] is '|' or '#' or '<';

    private static List<string> Break(List<string> paragraph)
    {
        var lead = Leading().Match(paragraph[0]).Value;
        var indent = new string(' ', lead.Length);
        var lines = new List<string>();
        var line = new StringBuilder(lead);
        var isEmpty = true;
        foreach (Match word in Word().Matches(string.Join(' ', paragraph)[lead.Length..]))
        {
            // At the beginning of a line these would begin a list, a heading or a quotation.
            if (!isEmpty && line.Length + 1 + word.Length > Width && !Marker().IsMatch(word.Value))
            {
                lines.Add(line.ToString());
                line.Clear().Append(indent);
                isEmpty = true;
            }

            line.Append(isEmpty ? "" : " ").Append(word.Value);
            isEmpty = false;
        }

        lines.Add(line.ToString());
        return lines;
    }

    [GeneratedRegex(@"^ *(?:(?:[-*+]|\d+\.) +)?(?:\[[ x]\] +)?")]
    private static partial Regex Leading();

    [GeneratedRegex(@"^ *(?:[-*+]|\d+\.) +(?:\[[ x]\] +)?")]
    private static partial Regex Item();

    [GeneratedRegex(@"^(?:[-*+>|]|#+|\d+\.)$")]
    private static partial Regex Marker();

    /// <summary>Code in backticks is not broken.</summary>
    [GeneratedRegex(@"(?:`[^`]*`|\S)+")]
    private static partial Regex Word();
}
