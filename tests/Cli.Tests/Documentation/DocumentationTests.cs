using System.Text.RegularExpressions;
using Replay.Cli.Docs;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>The pages say what the program does.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public void The_command_line_page_is_what_the_program_would_write()
    {
        var console = new CliConsole { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null };
        var page = File.ReadAllText(Repository.PathOf("docs", "cli.md"));
        Assert.Equal(CliReference.Markdown(CommandLine.Build(console)).ReplaceLineEndings("\n"), page.ReplaceLineEndings("\n"));
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

    [GeneratedRegex(@"\]\((?!https?:|#|mailto:)([^)#\s]+)")]
    private static partial Regex RelativeLink();
}
