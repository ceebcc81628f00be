using System.CommandLine;
using System.CommandLine.Parsing;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

public sealed class CommandLineTests
{
    public static TheoryData<string> Verbs
    {
        get
        {
            var data = new TheoryData<string>();
            foreach (var (path, _) in AllVerbs())
                data.Add(path);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public async Task Every_verb_has_help_with_an_example(string path)
    {
        var (exitCode, text, _) = await CommandRunner.Run([.. path.Split(' ')[1..], "--help"]);
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("Examples:", text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Every_example_is_a_command_line_that_parses(string path)
    {
        var root = CommandLine.Build(Silent());
        var verb = AllVerbs().Single(entry => entry.Path == path).Verb;
        var own = 0;
        foreach (var example in verb.Examples)
        {
            // Beside its own, a verb may show what to do with the output: that is another program's command line.
            var text = example.Command.Split('|', '>').Select(part => part.Trim()).FirstOrDefault(part => part.StartsWith("replay ", StringComparison.Ordinal));
            if (text is null)
                continue;
            own++;
            Assert.StartsWith(path, text, StringComparison.Ordinal);
            Assert.Empty(CommandLine.Parse(root, [.. CommandLineParser.SplitCommandLine(text["replay ".Length..])]).Errors);
        }

        Assert.NotEqual(0, own);
    }

    [Theory]
    [InlineData(ExitCode.Usage, "nonsense")]
    [InlineData(ExitCode.Usage, "run", "x.capture")]
    [InlineData(ExitCode.InputMissing, "info", "/nonexistent.capture")]
    [InlineData(ExitCode.InputMissing, "run", "/nonexistent.capture", "-o", "/tmp/x.db")]
    [InlineData(ExitCode.Usage, "record", "synthetic", "-w", "no-such-workload", "-o", "/tmp/x.capture")]
    [InlineData(ExitCode.InputMissing, "query", "/nonexistent.db", "select 1")]
    public async Task A_failure_is_one_line_and_its_exit_code(int expected, params string[] args)
    {
        var (exitCode, text, error) = await CommandRunner.Run(args);
        Assert.Equal(expected, exitCode);
        Assert.Empty(text);
        Assert.StartsWith("replay", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_that_is_piped_is_as_wide_as_a_terminal()
    {
        foreach (var verb in (string[][])[["--help"], ["run", "--help"], []])
        {
            var (_, text, error) = await CommandRunner.Run(verb);
            Assert.All((text + error).ReplaceLineEndings("\n").Split('\n'), line => Assert.True(line.Length <= 80, line));
        }
    }

    [Fact]
    public async Task A_typing_error_gets_a_suggestion()
    {
        var (_, _, error) = await CommandRunner.Run("qury");
        Assert.Contains("Did you mean 'query'?", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("replay events: there is no option --gfm.|Did you mean '--gfn'?", "events", "--gfm", "3")]
    [InlineData("replay tree: there is no option --gap.|Did you mean '--gpa'?", "tree", "boot.db", "--gap=0x1000")]
    [InlineData("replay events: there is no option --at.|--at is an option of 'replay tree'.", "events", "boot.db", "--at", "3")]
    public async Task An_option_that_is_none_is_told_and_not_taken_for_a_file(string expected, params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(arguments);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.StartsWith(expected.Replace("|", "\n", StringComparison.Ordinal), error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Behind_two_dashes_a_word_is_what_it_is()
    {
        var (exitCode, _, error) = await CommandRunner.Run("events", "--", "--frm");
        Assert.Equal(ExitCode.InputMissing, exitCode);
        Assert.Contains("--frm: no such capture or database", error, StringComparison.Ordinal);
    }

    private static IEnumerable<(string Path, VerbCommand Verb)> AllVerbs()
    {
        var root = CommandLine.Build(Silent());
        return Below(root).OfType<VerbCommand>().Where(verb => !verb.Hidden).Select(verb => (CommandLine.Path(verb, root), verb));
    }

    private static IEnumerable<Command> Below(Command command) => command.Subcommands.SelectMany(child => Below(child).Prepend(child));

    private static CliConsole Silent() => new() { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null };
}
