using System.Text;
using System.Text.RegularExpressions;

namespace Replay.Cli.Tests;

/// <summary>
/// Every command of docs/cookbook.md, and of the worked case in docs/real-host.md, is run, and says what the page says it does.
/// <c>UPDATE_GOLDEN=1</c> writes the outputs into the page.
/// </summary>
public sealed partial class CookbookTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private const string WorkedCase = "One case, from the trace to the what-if";

    public static TheoryData<string, string> Recipes
    {
        get
        {
            var recipes = new TheoryData<string, string>();
            foreach (var (title, _) in Sections(File.ReadAllText(PathOf("cookbook.md"))))
                recipes.Add("cookbook.md", title);
            recipes.Add("real-host.md", WorkedCase);
            return recipes;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Recipes))]
    public async Task A_recipe_gives_what_the_page_shows(string name, string title)
    {
        // The trace that the worked case is about.
        if (title == WorkedCase)
            await File.WriteAllTextAsync(_folder["host.txt"], Ftrace.RealTrace.Stock(Ftrace.RealTrace.Text("amd-6.12-npt-tdp-lm4k.reslotq")), TestContext.Current.CancellationToken);
        var page = (await File.ReadAllTextAsync(PathOf(name), TestContext.Current.CancellationToken)).ReplaceLineEndings("\n");
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
            await Update(PathOf(name), section, actual.ToString());
        else
            Assert.Equal(section, actual.ToString());
    }

    /// <summary>The page's questions are asked of what people have: a host's trace with stock tracepoints alone.</summary>
    [Theory]
    [InlineData("amd-6.12-npt-lm2m.dirty4k")]
    [InlineData("amd-6.12-npt-tdp-lm4k.reslotq")]
    [InlineData("amd-shadow-mmio.4k")]
    public async Task Asked_of_a_trace_a_recipe_answers_or_says_what_the_trace_does_not_show(string trace)
    {
        await File.WriteAllTextAsync(_folder["host.txt"], Ftrace.RealTrace.Stock(Ftrace.RealTrace.Text(trace)), TestContext.Current.CancellationToken);
        await CommandRunner.Run("import", "ftrace", _folder["host.txt"], "--db", _folder["host.db"], "-q");
        var page = await File.ReadAllTextAsync(PathOf("cookbook.md"), TestContext.Current.CancellationToken);
        var questions = Block().Matches(page.ReplaceLineEndings("\n")).SelectMany(block => block.Groups["commands"].Value.Split('\n')).Where(line => line.StartsWith("replay query ", StringComparison.Ordinal)).Distinct().ToList();
        Assert.True(questions.Count > 25, $"{questions.Count}");
        foreach (var question in questions)
        {
            var words = Word().Matches(question).Select(word => word.Groups["quoted"].Success ? word.Groups["quoted"].Value : word.Value).Where(word => word != "--line").Skip(1)
                .Select(word => word.StartsWith("run=", StringComparison.Ordinal) ? "run=observed" : FileName().IsMatch(word) ? _folder["host.db"] : Regex.Replace(word, @"\brun = [0-9]", "run = 1"));
            var (exitCode, text, error) = await CommandRunner.Run([.. words, "--format", "jsonl"]);
            Assert.True(exitCode == ExitCode.Done, $"{question}\n{error}");
            Assert.True(text.Length > 0 || error.Length > 0, question);
        }
    }

    /// <summary>Runs a line as a shell would, its files in a folder of the test, its tables drawn as on a terminal.</summary>
    private async Task<string> Run(string line)
    {
        var words = Word().Matches(line).Select(word => word.Groups["quoted"].Success ? word.Groups["quoted"].Value : word.Value).ToList();
        Assert.Equal("replay", words[0]);
        var arguments = words.Skip(1).Select(word => FileName().IsMatch(word) ? _folder[word] : word.StartsWith("tests/data/", StringComparison.Ordinal) ? Repository.PathOf(word) : word).ToList();
        if (arguments[0] == "query" && !arguments.Contains("--line"))
            arguments.AddRange(["--format", "table"]);
        var (exitCode, text, error) = await CommandRunner.Run([.. arguments]);
        // Two runs that differ are what diff is asked about.
        Assert.True(exitCode == ExitCode.Done || (exitCode == ExitCode.Different && arguments[0] == "diff"), $"{line}\n{error}");
        // Its report has the hash, which changes with the model; the page is about the answers.
        if (arguments[0] == "run")
            return "";
        if (arguments[0] == "import")
            text = HistoryHash().Replace(error, "");
        text = text.Replace(_folder[""] + Path.DirectorySeparatorChar, "", StringComparison.Ordinal).Replace(Repository.Root + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
        return string.Concat(text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.None).SkipLast(1).Select(row => row.TrimEnd() + "\n"));
    }

    private static async Task Update(string path, string before, string after)
    {
        // Recipes run one after another within a class.
        var page = (await File.ReadAllTextAsync(path)).ReplaceLineEndings("\n");
        await File.WriteAllTextAsync(path, page.Replace(before, after, StringComparison.Ordinal));
    }

    private static IEnumerable<(string Title, string Text)> Sections(string page) =>
        page.ReplaceLineEndings("\n").Split("\n## ").Skip(1).Select(section => (section.Split('\n')[0], section));

    private static string PathOf(string page) => Repository.PathOf("docs", page);

    [GeneratedRegex("```sh\n(?<commands>.*?)```\n(?:\n```text\n.*?```\n)?", RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex("; history [0-9a-f]{32}")]
    private static partial Regex HistoryHash();

    [GeneratedRegex("\"(?<quoted>[^\"]*)\"|\\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^[\w-]+\.(capture|db|parquet|txt)$")]
    private static partial Regex FileName();
}
