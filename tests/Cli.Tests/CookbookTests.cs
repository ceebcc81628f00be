using System.Text;
using System.Text.RegularExpressions;

namespace Replay.Cli.Tests;

/// <summary>
/// Every command of docs/cookbook.md is run, and says what the page says it does. <c>UPDATE_GOLDEN=1</c> writes the outputs into the page.
/// </summary>
public sealed partial class CookbookTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Page { get; } = Path.Combine(FindRoot(), "docs", "cookbook.md");

    public static TheoryData<string> Recipes => [.. Sections(File.ReadAllText(Page)).Select(section => section.Title)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Recipes))]
    public async Task A_recipe_gives_what_the_page_shows(string title)
    {
        var page = (await File.ReadAllTextAsync(Page, TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
        var section = Sections(page).Single(each => each.Title == title).Text;
        var actual = new StringBuilder(section.Length);
        var last = 0;
        var commands = 0;
        foreach (Match block in Block().Matches(section))
        {
            var output = new StringBuilder();
            foreach (var line in block.Groups["commands"].Value.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                output.Append(await Run(line));
                commands++;
            }

            actual.Append(section, last, block.Index - last).Append("```sh\n").Append(block.Groups["commands"].Value).Append("```\n");
            if (output.Length > 0)
                actual.Append("\n```text\n").Append(output).Append("```\n");
            last = block.Index + block.Length;
        }

        actual.Append(section, last, section.Length - last);
        Assert.True(commands > 1, $"{title}: has no commands");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            await Update(section, actual.ToString());
        else
            Assert.Equal(section, actual.ToString());
    }

    /// <summary>Runs a line as a shell would, its files in a folder of the test, its tables drawn as on a terminal.</summary>
    private async Task<string> Run(string line)
    {
        var words = Word().Matches(line).Select(word => word.Groups["quoted"].Success ? word.Groups["quoted"].Value : word.Value).ToList();
        Assert.Equal("replay", words[0]);
        var arguments = words.Skip(1).Select(word => FileName().IsMatch(word) ? _folder[word] : word.StartsWith("tests/data/", StringComparison.Ordinal) ? Path.Combine(FindRoot(), word) : word).ToList();
        if (arguments[0] == "query")
            arguments.AddRange(["--format", "table"]);
        var (exitCode, text, error) = await CommandRunner.Run([.. arguments]);
        // Two runs that differ are what diff is asked about.
        Assert.True(exitCode == ExitCode.Done || (exitCode == ExitCode.Different && arguments[0] == "diff"), $"{line}\n{error}");
        // Its report has the hash, which changes with the model; the page is about the answers.
        if (arguments[0] == "run")
            return "";
        text = text.Replace(_folder[""] + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).Replace(FindRoot() + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
        return string.Concat(text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.None).SkipLast(1).Select(row => row.TrimEnd() + "\n"));
    }

    private static async Task Update(string before, string after)
    {
        // Recipes run one after another within a class.
        var page = (await File.ReadAllTextAsync(Page)).ReplaceLineEndings("\n");
        await File.WriteAllTextAsync(Page, page.Replace(before, after, StringComparison.Ordinal));
    }

    private static IEnumerable<(string Title, string Text)> Sections(string page) =>
        page.ReplaceLineEndings("\n").Split("\n## ").Skip(1).Select(section => (section.Split('\n')[0], section));

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Replay.sln")))
                return folder;
        }

        throw new InvalidOperationException("Replay.sln was not found above the tests.");
    }

    [GeneratedRegex("```sh\n(?<commands>.*?)```\n(?:\n```text\n.*?```\n)?", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("\"(?<quoted>[^\"]*)\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^[\w-]+\.(capture|db|parquet)$")]
    private static partial Regex FileName();
}
