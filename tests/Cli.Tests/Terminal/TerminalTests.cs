using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>What is the same for every verb: outputs, schema, completion.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("record synthetic --workload demand-paging -o {missing/x.capture}")]
    [InlineData("record qemu --qemu {no-qemu} -o {missing/x.capture} -- -M pc")]
    [InlineData("record bochs --bochs {no-bochs} -o {missing/x.capture} {x.elf}")]
    [InlineData("run {x.capture} -o {missing/x.db}")]
    [InlineData("run {x.capture} --to {missing/x}")]
    [InlineData("compact {x.capture} -o {missing/y.capture}")]
    [InlineData("sweep {x.toml} --to {missing/x}")]
    [InlineData("export {x.db} --perfetto {missing/x.trace}")]
    [InlineData("export {x.db} --walks {missing/x.parquet}")]
    [InlineData("export {x.db} --reuse {missing/x.csv}")]
    [InlineData("export {x.db} --working-set {missing/x.csv}")]
    [InlineData("export {x.db} -o {missing/x.parquet}")]
    [InlineData("diff {x.db} ept npt -o {missing/x.html}")]
    [InlineData("demo -o {missing/x.db}")]
    [InlineData("import ftrace {x.txt} --db {missing/x.db}")]
    [InlineData("import ftrace {x.txt} -o {missing/x.capture}")]
    public async Task An_output_whose_folder_is_not_there_is_refused_before_work_begins(string line)
    {
        var words = line.Split(' ').Select(word => word.StartsWith('{') ? _folder[word.Trim('{', '}')] : word);
        var (exitCode, _, error) = await CommandRunner.Run([.. words]);
        Assert.Equal(ExitCode.CannotCreate, exitCode);
        Assert.Contains("is not there. Make it first", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_of_one_view_is_its_columns()
    {
        var (exitCode, text, _) = await CommandRunner.Run("schema", "fault");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.StartsWith("fault: One row for each page fault", text, StringComparison.Ordinal);
        Assert.Contains("exit_id         integer  The exit it came from, NULL without one. (joins vm_exit.exit_id)", text, StringComparison.Ordinal);
        var (_, json, _) = await CommandRunner.Run("schema", "fault", "--json");
        using var parsed = JsonDocument.Parse(json);
        Assert.Equal("fault", parsed.RootElement[0].GetProperty("name").GetString());
        var (wrong, _, error) = await CommandRunner.Run("schema", "fualt");
        Assert.Equal(ExitCode.Usage, wrong);
        Assert.Contains("Did you mean 'fault'", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_canned_queries_are_listed_as_JSON()
    {
        var (_, json, _) = await CommandRunner.Run("query", "--list", "--json");
        using var parsed = JsonDocument.Parse(json);
        Assert.Contains(parsed.RootElement.EnumerateArray(), query => query.GetProperty("name").GetString() == "why-gfn");
    }

    [Theory]
    [InlineData("quary {x.db}", "Did you mean 'query'")]
    [InlineData("run {x.capture} -m etp -o {x.db}", "Did you mean 'ept'")]
    [InlineData("run {nothing.capture} -m etp -o {x.db}", "Did you mean 'ept'")]
    [InlineData("verify {nothing.capture} --mmu shdow", "Did you mean 'shadow'")]
    [InlineData("import ftrace {nothing.txt} --mmu nptt --db {x.db}", "Did you mean 'npt'")]
    [InlineData("run {nothing.capture} --kernel 6.11 -o {x.db}", "Did you mean '6.1' or '6.12'")]
    [InlineData("run {x.capture} --mdoe ept -o {x.db}", "Did you mean '--mode'")]
    [InlineData("run {x.capture} --knob pages=1 -o {x.db}", "--knob is an option of 'replay record synthetic'")]
    [InlineData("query {nothing.db} --format jsno", "Did you mean 'json'")]
    [InlineData("run {x.capture} --host intle -o {x.db}", "Did you mean 'intel'")]
    [InlineData("run {x.capture} --host-pages tph -o {x.db}", "Did you mean 'thp'")]
    [InlineData("run {x.capture} --module-param eptda=N -o {x.db}", "Did you mean 'eptad'")]
    [InlineData("run {x.capture} --detail laef -o {x.db}", "Did you mean 'leaf'")]
    [InlineData("record synthetic -w demand-pagin -o {y.capture}", "Did you mean 'demand-paging'")]
    [InlineData("record synthetic -w demand-paging -k pagse=1 -o {y.capture}", "Did you mean 'pages'")]
    [InlineData("events {x.capture} --kind acess", "Did you mean 'access'")]
    [InlineData("completion bsh", "Did you mean 'bash'")]
    public async Task A_word_that_is_none_is_answered_by_those_like_it(string line, string expected)
    {
        await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-k", "pages=4", "-o", _folder["x.capture"], "-q");
        var words = line.Split(' ').Select(word => word.StartsWith('{') ? _folder[word.Trim('{', '}')] : word);
        var (exitCode, _, error) = await CommandRunner.Run([.. words]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_and_exports_and_workloads_are_told_to_scripts_as_JSON()
    {
        await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-k", "pages=16", "-o", _folder["x.capture"], "-q");
        var (_, made, _) = await CommandRunner.Run("run", _folder["x.capture"], "-m", "ept", "-m", "npt", "--name", "first", "--host-pages", "thp", "-o", _folder["x.db"], "-q", "--json");
        using (var runs = JsonDocument.Parse(made))
            Assert.Equal([("intel", "thp"), ("amd", "thp")], runs.RootElement.EnumerateArray().Select(run => (run.GetProperty("profile").GetString(), run.GetProperty("backing").GetString())));
        foreach (var words in (string[][])[["events", _folder["x.capture"], "-n", "40"], ["events", _folder["x.db"], "--run", "first-npt", "-n", "40"]])
        {
            var (exitCode, lines, _) = await CommandRunner.Run([.. words, "--json"]);
            Assert.Equal(ExitCode.Done, exitCode);
            var ordinals = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
            {
                using var parsed = JsonDocument.Parse(line);
                Assert.NotEqual("", parsed.RootElement.GetProperty("kind").GetString());
                return parsed.RootElement.GetProperty("ordinal").GetInt64();
            }).ToList();
            Assert.Equal(40, ordinals.Count);
            Assert.Equal(ordinals.Order(), ordinals);
        }

        var (_, exported, _) = await CommandRunner.Run("export", _folder["x.db"], "-o", _folder["x.parquet"], "--view", "run", "--json", "-q");
        using (var views = JsonDocument.Parse(exported))
            Assert.Equal(("run", 2), (views.RootElement[0].GetProperty("view").GetString(), views.RootElement[0].GetProperty("rows").GetInt64()));
        var (_, _, told) = await CommandRunner.Run("export", _folder["x.db"], "-o", _folder["y.csv"], "--view", "run", "-q");
        Assert.Contains("a folder of Csv, 2 rows", told, StringComparison.Ordinal);
        Assert.All(Directory.GetFiles(_folder["y.csv"], "data.*", SearchOption.AllDirectories), file => Assert.EndsWith(".csv", file, StringComparison.Ordinal));
        var (_, listed, _) = await CommandRunner.Run("record", "synthetic", "--list-workloads", "--json");
        using var workloads = JsonDocument.Parse(listed);
        Assert.Contains(workloads.RootElement.EnumerateArray(), workload => workload.GetProperty("name").GetString() == "zipf");
    }

    [Fact]
    public async Task A_name_that_a_query_could_take_for_something_else_names_no_run()
    {
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder[""], "--name", "1", "-o", _folder["x.db"]);
        Assert.NotEqual(ExitCode.Done, exitCode);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
        Assert.Throws<UsageException>(() => Commands.Inputs.NewRunName("it's"));
        Assert.Equal("huge-2", Commands.Inputs.NewRunName("huge-2"));
    }

    [Fact]
    public async Task Help_tells_exit_codes_and_environment()
    {
        var (_, text, _) = await CommandRunner.Run("--help");
        Assert.Contains("73   an output cannot be created", text, StringComparison.Ordinal);
        Assert.Contains("NO_COLOR", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_verb_has_a_manual_page_that_roff_takes_without_a_warning()
    {
        var folder = _folder["man"];
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("docs", "--man", folder)).ExitCode);
        var pages = Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToList();
        Assert.Contains("replay-record-qemu.1", pages.Select(Path.GetFileName));
        Assert.Contains(".SH \"EXIT STATUS\"", await File.ReadAllTextAsync(Path.Combine(folder, "replay.1"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        if (!File.Exists("/usr/bin/groff"))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "groff is not installed");
            Assert.Skip("groff is not installed.");
        }

        using var groff = Process.Start(new ProcessStartInfo("/usr/bin/groff", ["-ww", "-man", "-Tascii", "-z", .. pages]) { RedirectStandardError = true, UseShellExecute = false })!;
        Assert.Equal("", await groff.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await groff.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, groff.ExitCode);
    }

    /// <summary>A terminal of 80 columns: sentences are broken between words, and what is empty says why.</summary>
    [Theory]
    [InlineData("query --list")]
    [InlineData("schema")]
    [InlineData("schema table_write")]
    public async Task Sentences_fit_a_terminal(string line)
    {
        var (_, text, _) = await AtTerminal(line.Split(' '));
        Assert.All(text.ReplaceLineEndings("\n").Split('\n'), written => Assert.True(written.Length <= 80 || !written.Trim().Contains(' ', StringComparison.Ordinal), written));
    }

    [Fact]
    public async Task An_answer_without_rows_says_why_and_nothing_of_columns()
    {
        await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-k", "pages=4", "-q", "-o", _folder["e.capture"]);
        await CommandRunner.Run("run", _folder["e.capture"], "-m", "ept", "-q", "-o", _folder["e.db"]);
        var (_, _, error) = await AtTerminal("query", _folder["e.db"], "select * from table_write where run = 5");
        Assert.Equal("replay query: 0 rows: there is no run 5, but 1 (ept).", error.Trim());
        (_, _, error) = await AtTerminal("query", _folder["e.db"], "select * from table_write where run = 1 and level = 9");
        Assert.Equal("replay query: 0 rows: nothing matches.", error.Trim());
    }

    [Fact]
    public async Task Behind_a_verb_that_is_none_no_word_is_judged()
    {
        var (exitCode, _, error) = await CommandRunner.Run("quary", "demo.db");
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Equal(["replay: Unrecognized command or argument 'quary'.", "Did you mean 'query'?", "See 'replay --help'."], error.ReplaceLineEndings("\n").Trim().Split('\n'));
    }

    [Fact]
    public async Task Help_names_an_argument_not_all_that_it_may_be()
    {
        var (_, help, _) = await CommandRunner.Run("query", "--help");
        Assert.Matches(@"(?m)^  <?SQL>? +SQL, or @NAME", help);
        var (_, all, _) = await CommandRunner.Run("--help");
        Assert.DoesNotContain("@counters", help + all, StringComparison.Ordinal);
    }

    private static async Task<(int ExitCode, string Out, string Error)> AtTerminal(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var console = new Terminal.CliConsole { Out = output, Error = error, In = new StringReader(""), OutIsTerminal = true, Width = 80 };
        var exitCode = await CommandLine.RunAsync(args, console);
        return (exitCode, output.ToString(), error.ToString());
    }

    /// <summary>PowerShell itself is asked, where it is installed (dotnet tool install powershell).</summary>
    [Theory]
    [InlineData("replay q", "query")]
    [InlineData("replay run --mmu np", "npt-tdp")]
    [InlineData("replay query x.db '@writes-by", "'@writes-by-level'")]
    public async Task PowerShell_completes_verbs_values_and_queries(string line, string expected)
    {
        var shell = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "pwsh")).FirstOrDefault(File.Exists);
        Assert.False(shell is null && Environment.GetEnvironmentVariable("CI") == "true", "pwsh is not installed");
        if (shell is null)
            Assert.Skip("pwsh is not installed (dotnet tool install --global powershell)");
        var (_, script, _) = await CommandRunner.Run("completion", "pwsh");
        await File.WriteAllTextAsync(_folder["ask.ps1"], $$"""
            function replay { dotnet '{{typeof(ExitCode).Assembly.Location}}' @args }
            {{script}}
            (TabExpansion2 -inputScript "{{line}}" -cursorColumn {{line.Length}}).CompletionMatches.CompletionText
            """, TestContext.Current.CancellationToken);
        using var asked = Process.Start(new ProcessStartInfo(shell!, ["-NoProfile", "-File", _folder["ask.ps1"]]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var answer = await asked.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains(expected, answer.ReplaceLineEndings("\n").Split('\n'));
    }

    /// <summary>The shells themselves are asked, where they are installed.</summary>
    [Theory]
    [InlineData("bash", "COMP_LINE='TYPED'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(TYPED); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _replay; printf '%s\n' \"${COMPREPLY[@]}\"", "")]
    [InlineData("zsh", "BUFFER='TYPED'; CURSOR=${#BUFFER}; _replay", "compdef() { : }\ncompadd() { print -l -- $found }\n_files() { print files }")]
    [InlineData("fish", "complete -C 'TYPED'", "")]
    public async Task A_shell_completes_verbs_values_and_queries(string shell, string ask, string before)
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, shell))))
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", $"{shell} is not installed");
            Assert.Skip($"{shell} is not installed.");
        }

        var (_, script, _) = await CommandRunner.Run("completion", shell);
        var call = $"dotnet '{typeof(ExitCode).Assembly.Location}'";
        var replay = shell == "fish" ? $"function replay; {call} $argv; end" : $"replay() {{ {call} \"$@\"; }}";
        foreach (var (line, expected) in ((string, string)[])[("replay exp", "export"), ("replay run --mmu np", "npt-tdp"), ("replay query x.db @writes-by", "@writes-by-level")])
        {
            await File.WriteAllTextAsync(_folder["ask"], string.Join('\n', replay, before, script, ask.Replace("TYPED", line, StringComparison.Ordinal), ""), TestContext.Current.CancellationToken);
            using var asked = Process.Start(new ProcessStartInfo(shell, shell == "zsh" ? ["-f", _folder["ask"]] : [_folder["ask"]]) { RedirectStandardOutput = true, UseShellExecute = false })!;
            var answer = await asked.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            Assert.Contains(expected, answer.Split('\n').Select(word => word.Trim()));
        }
    }

    [Fact]
    public async Task A_recording_and_an_index_are_told_to_scripts_as_JSON()
    {
        var (_, recorded, _) = await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-k", "pages=4", "-o", _folder["x.capture"], "-q", "--json");
        var (_, indexed, _) = await CommandRunner.Run("index", _folder["x.capture"], "-q", "--json");
        using var recording = JsonDocument.Parse(recorded);
        using var index = JsonDocument.Parse(indexed);
        Assert.Equal("guest-exit", recording.RootElement.GetProperty("endReason").GetString());
        Assert.Equal(recording.RootElement.GetProperty("accessesRecorded").GetInt64(), index.RootElement.GetProperty("accesses").GetInt64());
    }

    [Fact]
    public void What_an_option_is_without_being_said_stands_in_its_description()
    {
        var untold = Verbs(CommandLine.Build(new CliConsole { Out = TextWriter.Null, Error = TextWriter.Null, In = new StringReader("") })).SelectMany(verb => verb.Options)
            .Where(option => option.HasDefaultValue && option.ValueType != typeof(bool) && !option.Description!.Contains("default", StringComparison.Ordinal)).Select(option => $"{option.Name}: {option.Description}");
        Assert.Empty(untold);

        static IEnumerable<Command> Verbs(Command command) => command.Subcommands.SelectMany(Verbs).Prepend(command);
    }

    [Fact]
    public async Task Help_says_a_default_once()
    {
        foreach (var words in (string[][])[["query"], ["run"], ["serve"], ["tree"], ["record", "synthetic"], ["record", "bochs"], ["import", "ftrace"]])
        {
            var (_, text, _) = await CommandRunner.Run([.. words, "--help"]);
            Assert.Contains("(default", text, StringComparison.Ordinal);
            Assert.DoesNotContain("[default:", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public async Task Completion_asks_the_program_itself(string shell)
    {
        var (exitCode, script, _) = await CommandRunner.Run("completion", shell);
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
        foreach (var (line, expected) in ((string, string)[])
        [
            ("replay exp", "export"), ("replay run x.capture --mmu ", "npt-tdp"), ("replay run x.capture -m e", "ept"), ("replay record synthetic -w fork", "fork-storm"),
            ("replay query x.db @writes-by", "@writes-by-level"), ("replay completion ", "pwsh"), ("replay verify x.capture --host-pages ", "thp"),
        ])
        {
            var (_, suggested, _) = await CommandRunner.Run($"[suggest:{line.Length}]", line);
            Assert.Contains(expected, suggested.ReplaceLineEndings("\n").Split('\n'));
        }
    }

    [Theory]
    [InlineData("events")]
    [InlineData("tree")]
    [InlineData("export")]
    public async Task Runs_of_the_database_that_is_named_are_completed(string verb)
    {
        using var folder = new TemporaryFolder();
        await CommandRunner.Run("record", "synthetic", "-w", "random", "--max-accesses", "300", "-q", "-o", folder["x.capture"]);
        await CommandRunner.Run("run", folder["x.capture"], "-m", "ept", "--name", "mine", "-q", "-o", folder["x.db"]);
        var line = $"replay {verb} {folder["x.db"]} --run ";
        var (_, suggested, _) = await CommandRunner.Run($"[suggest:{line.Length}]", line);
        Assert.Equal("mine", suggested.Trim());
        line = $"replay {verb} {folder["none.db"]} --run ";
        (_, suggested, _) = await CommandRunner.Run($"[suggest:{line.Length}]", line);
        Assert.Equal("", suggested.Trim());
    }
}
