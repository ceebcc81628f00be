using System.Globalization;
using System.Text.RegularExpressions;
using Replay.Cli.Docs;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>The pages say what the program does.</summary>
public sealed partial class DocumentationTests
{
    public static TheoryData<string> Generated => [.. GeneratedPages.Names];

    /// <summary>After a change: <c>./replay docs --to docs</c>.</summary>
    [Theory]
    [MemberData(nameof(Generated))]
    public void A_generated_page_is_what_the_program_would_write(string name)
    {
        var console = new CliConsole { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null };
        var page = File.ReadAllText(Repository.PathOf("docs", name));
        Assert.Equal(GeneratedPages.Text(name, CommandLine.Build(console)), page.ReplaceLineEndings("\n"));
    }

    /// <summary>Tables and code aside, and what cannot be broken.</summary>
    [Fact]
    public void Lines_of_pages_fit_an_editor()
    {
        var pages = ((string[])["docs", "schemas", "tests"])
            .SelectMany(folder => Directory.GetFiles(Repository.PathOf(folder), "*.md", SearchOption.AllDirectories))
            .Concat(Directory.GetFiles(Repository.Root, "*.md"));
        foreach (var page in pages)
        {
            var text = File.ReadAllText(page).ReplaceLineEndings("\n");
            Assert.True(text == MarkdownLines.Fit(text), $"{Path.GetRelativePath(Repository.Root, page)} has lines of prose beyond {MarkdownLines.Width} characters: ./replay docs --fit {Path.GetRelativePath(Repository.Root, page)}");
        }
    }

    [Theory]
    [InlineData("- one", "- one")]
    [InlineData("| a table | stays |", "| a table | stays |")]
    public void What_fits_stays(string text, string fitted) => Assert.Equal(fitted, MarkdownLines.Fit(text));

    [Fact]
    public void A_paragraph_is_broken_between_words_as_far_in_as_its_item_is()
    {
        var words = string.Join(' ', Enumerable.Repeat("`a b`", 38));
        var lines = MarkdownLines.Fit($"before\n\n- {words}\n\n```\n{words}\n```\n").Split('\n');

        Assert.Equal(["before", "", "- " + words[..113], "  " + words[114..], "", "```", words, "```", ""], lines);
    }

    [Fact]
    public void No_line_begins_with_what_would_begin_a_list()
    {
        var text = new string('x', 117) + " - and more";
        Assert.Equal([new string('x', 117) + " -", "and more"], MarkdownLines.Fit(text).Split('\n'));
    }

    [Fact]
    public void The_bundled_cases_are_as_many_as_the_pages_say()
    {
        var bundled = Directory.GetFiles(Repository.Data("conformance"), "case.json", SearchOption.AllDirectories).Length;
        var page = File.ReadAllText(Repository.PathOf("docs", "fidelity.md")).ReplaceLineEndings("\n");
        var rows = BundledTable().Match(page).Groups["rows"].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(row => row.Trim('|').Split('|')).ToList();

        Assert.Equal($"{bundled}", CaseCount().Match(page).Groups["count"].Value);
        Assert.Equal(bundled, rows.Sum(row => Number().Matches(row[2]).Sum(number => int.Parse(number.Value, CultureInfo.InvariantCulture))));
        Assert.Matches($@"{rows[0][2].Trim()}\s+of\s+the\s+{rows[0][1].Trim()}\)", File.ReadAllText(Repository.PathOf("README.md")));
    }

    [Fact]
    public void Links_between_pages_lead_somewhere()
    {
        var pages = Directory.GetFiles(Repository.Root, "*.md").Concat(Directory.GetFiles(Repository.PathOf("docs"), "*.md"));
        foreach (var page in pages)
        {
            foreach (Match link in RelativeLink().Matches(File.ReadAllText(page)))
            {
                var target = Path.Combine(Path.GetDirectoryName(page)!, link.Groups[1].Value);
                Assert.True(Path.Exists(target), $"{Path.GetFileName(page)} links to {link.Groups[1].Value}");
            }
        }
    }

    [GeneratedRegex(@"`tests/data/conformance` has\s+(?<count>\d+) cases")]
    private static partial Regex CaseCount();

    [GeneratedRegex(@"\| \| recorded \| of them bundled \|\n\|[- |]+\|\n(?<rows>(\|[^\n]*\n)+)")]
    private static partial Regex BundledTable();

    [GeneratedRegex(@"\d+")]
    private static partial Regex Number();

    [GeneratedRegex(@"\]\((?!https?:|#|mailto:)([^)#\s]+)")]
    private static partial Regex RelativeLink();
}
