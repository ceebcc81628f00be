using System.Diagnostics;
using Replay.Analyzer.Store;
using Replay.Cli.Shell;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>A talk with a database.</summary>
public sealed class ShellTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Lines_of_a_pipe_are_answered_as_they_are_on_a_terminal()
    {
        await MakeDatabase();
        var (exitCode, text, error) = await Shell(
            "select name", "  from run", "  where run = 1;", ".mode json", "select count(*) as runs from run;", ".mode csv", "@runs", ".schema run", ".timer on", "select 7");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.StartsWith("name\nmine\n[\n", text, StringComparison.Ordinal);
        Assert.Contains("\"runs\":1", text, StringComparison.Ordinal);
        Assert.Contains("run: One row for each replay", text, StringComparison.Ordinal);
        Assert.EndsWith("7\n7\n", text, StringComparison.Ordinal);
        Assert.Contains("1 row in ", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task At_a_terminal_lines_are_completed_answered_and_come_back()
    {
        if (!File.Exists("/usr/bin/script"))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "script (util-linux) is missing");
            Assert.Skip("script (util-linux), which makes a terminal, is not installed");
        }

        await MakeDatabase();
        // The command's standard input is a pipe; what is written there is typed at a terminal of its own.
        var start = new ProcessStartInfo("/usr/bin/script", ["-qefc", $"stty cols 80 rows 24; exec dotnet '{typeof(ExitCode).Assembly.Location}' shell '{_folder["x.db"]}'", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        (start.Environment["TERM"], start.Environment["XDG_STATE_HOME"], start.Environment["HOME"]) = ("xterm", _folder["state"], _folder["state"]);
        Directory.CreateDirectory(_folder["state"]);
        using var terminal = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Hang.Limit);
        using var end = patience.Token.Register(() => terminal.Kill(entireProcessTree: true));
        var (shown, whole) = (new System.Text.StringBuilder(), new System.Text.StringBuilder());
        // Before it has asked: the terminal still makes a line feed of Enter.
        await Type("select 40 + 2 as answer from activity limit 1;\r", "\n    42");
        await Type("select 40 + 2 as answer from activit\t limit 1;\r", "\n    42");
        await Type("select * from fualt;\r", "Did you mean 'fault'");
        await Type("\x1b[A\x1b[A\r", "\n    42");
        // As in other shells: to the beginning, away with what follows; away with a word, with what is before; to the end.
        await Type("select 6 as away;\x01\x0bselect 40 nothing\x17\x17x\x15select 40 +\x01\x05 2 as answer from activity limit 1;\r", "\n    42");
        // What is half written goes on as far as is sure; then what it may become is shown, and the line is as it was, its cursor too.
        await Type("select 40 + 2 as answer from tab\t", "from table_");
        await Type("\t", "table_page");
        await Answer("answer from table_");
        await Type("\x15select 40 + 2 as answer from run \x1b[D\x1b[D\x1b[D\x1b[Dtable_\t", "table_write");
        await Answer("table_run");
        await Type("\x15", null);
        await Type("\x0bselect 40 +\r2 as answer from activity limit 1;\r", "\n    42");
        await Type("\x1b[A\r", "\n    42");
        // A statement that goes on is told of, and given up with Ctrl-C.
        await Type("select 1\r", "...>");
        await Type(".help\r", "a statement goes on here (select 1)");
        await Type("quit\r", "quit: a statement goes on here");
        await Type("\x03", "replay>");
        // Ctrl-C gives up the line, not the talk.
        await Type("select half writ", "half writ");
        await Type("\x03", "replay>");
        await Type("select 40 + 2 as answer from activity limit 1;\r", "\n    42");
        await Type("quit\r", null);
        await terminal.WaitForExitAsync(patience.Token);
        Assert.Equal(0, terminal.ExitCode);
        Assert.DoesNotContain("bug in Replay", whole.ToString(), StringComparison.Ordinal);
        // What moves the cursor moves it, and is not shown as a picture of itself.
        Assert.DoesNotContain("\u241b", whole.ToString(), StringComparison.Ordinal);

        async Task Type(string keys, string? answer)
        {
            shown.Clear();
            await terminal.StandardInput.WriteAsync(keys.AsMemory(), patience.Token);
            await terminal.StandardInput.FlushAsync(patience.Token);
            if (answer is not null)
                await Answer(answer);
        }

        async Task Answer(string text)
        {
            var buffer = new char[4096];
            while (!shown.ToString().Replace("\r", "", StringComparison.Ordinal).Contains(text, StringComparison.Ordinal))
            {
                var read = await terminal.StandardOutput.ReadAsync(buffer, patience.Token);
                Assert.True(read > 0, $"ended before '{text}': {shown}");
                shown.Append(buffer, 0, read);
                whole.Append(buffer, 0, read);
            }
        }
    }

    [Theory]
    [InlineData("select * from run where run = 'mien';", "Did you mean 'mine'")]
    [InlineData("select * from fualt;", "Did you mean 'fault'")]
    [InlineData("delete from _run;", "a query may only read")]
    [InlineData("@hot-gfn", "Did you mean @hot-gfns")]
    [InlineData(".tabels", "Did you mean '.tables'")]
    [InlineData(".mode jason", "Did you mean 'json'")]
    [InlineData("hot-gfns", "Did you mean @hot-gfns")]
    [InlineData("select 1\n.help", ".help: a statement goes on here (select 1). End it with ; before.")]
    [InlineData("select 1\nquit", "quit: a statement goes on here")]
    [InlineData("select 1\n@runs", "@runs: a statement goes on here")]
    [InlineData("select 1\nselect 2;", "select: a statement goes on here (select 1)")]
    public async Task The_first_mistake_of_a_pipe_ends_it_and_says_what_was_meant(string line, string expected)
    {
        await MakeDatabase();
        var (exitCode, text, error) = await Shell(line, "select 1;");
        Assert.Equal((ExitCode.Usage, ""), (exitCode, text));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", ".sch", ".schema")]
    [InlineData(".schema ", "fau", "fault")]
    [InlineData("", "@hot-g", "@hot-gfns")]
    [InlineData("@hot-gfns ", "ru", "run=")]
    [InlineData("@hot-gfns ", "run=mi", "run=mine")]
    [InlineData("select * from ", "table_wr", "table_write")]
    [InlineData("select * from fault where ", "mapped_", "mapped_level")]
    [InlineData("select * from fault as f where ", "f.mapped_", "f.mapped_level")]
    public async Task What_is_half_written_is_completed(string before, string word, string expected)
    {
        await MakeDatabase();
        using var database = Database.OpenRead(_folder["x.db"]);
        var (start, found) = new ShellCompletion(database).Find(before + word);
        Assert.Contains(before + expected, found.Select(name => (before + word)[..start] + name));
    }

    [Theory]
    [InlineData("table_", "table_page", "table_write")]
    [InlineData("SEL", "select")]
    [InlineData("", "a", "b")]
    public void What_all_candidates_have_in_common_is_completed(string expected, params string[] names) =>
        Assert.Equal(names.Length == 1 ? names[0] : expected, ShellCompletion.Common(names));

    [Theory]
    [InlineData("with one as (\n  select 1 as a\n)\nselect a from one;", "a\n1\n")]
    [InlineData("select 1 as a union all\nselect 2;", "a\n1\n2\n")]
    [InlineData("-- what it is\nselect 1 as a;", "a\n1\n")]
    [InlineData("select 1 as a where 1 in (\nvalues (1));", "a\n1\n")]
    [InlineData("quit\nselect 1 as a;", "")]
    [InlineData(";\nexit", "")]
    public async Task A_statement_goes_on_over_lines_that_belong_to_it(string lines, string expected)
    {
        await MakeDatabase();
        Assert.Equal((ExitCode.Done, expected, ""), await Shell(lines));
    }

    [Fact]
    public async Task Its_notes_are_in_its_own_words()
    {
        await MakeDatabase();
        var (output, error) = (new StringWriter(), new StringWriter());
        var console = new CliConsole { Out = output, Error = error, In = new StringReader("select * from table_write;\n.limit 1\nselect * from run;\n@first-writes"), InIsPiped = true, OutIsTerminal = true, Width = 80 };
        Assert.Equal(ExitCode.Done, await CommandLine.RunAsync(["shell", _folder["x.db"]], console));
        Assert.Contains("'.mode line' shows a field a line", error.ToString().ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.Contains(".limit 0 shows them all", error.ToString().ReplaceLineEndings(" "), StringComparison.Ordinal);
        Assert.DoesNotContain("--", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("replay query", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_asked_is_remembered_for_the_user_alone()
    {
        var path = _folder[Path.Combine("state", "shell-history")];
        var history = new ShellHistory(path);
        foreach (var line in (string[])["select 1;", "select 1;", " ", "@runs"])
            history.Add(line);
        history.Save();
        Assert.Equal(["select 1;", "@runs"], new ShellHistory(path).Lines);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    private async Task<(int ExitCode, string Out, string Error)> Shell(params string[] lines)
    {
        var output = new StringWriter { NewLine = "\n" };
        var error = new StringWriter();
        var console = new CliConsole { Out = output, Error = error, In = new StringReader(string.Join('\n', lines)), InIsPiped = true };
        return (await CommandLine.RunAsync(["shell", _folder["x.db"]], console), output.ToString().ReplaceLineEndings("\n"), error.ToString());
    }

    private async Task MakeDatabase()
    {
        await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-k", "pages=16", "-o", _folder["x.capture"], "-q");
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["x.capture"], "--name", "mine", "-o", _folder["x.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
    }
}
