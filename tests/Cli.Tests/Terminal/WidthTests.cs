using System.CommandLine;
using System.Globalization;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>A boot in two modes, and what the verbs make of it.</summary>
public sealed class BootDatabase : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public string Capture { get; } = Path.Combine(AppContext.BaseDirectory, "samples", "linux-boot.capture");

    public string this[string name] => _folder[name];

    public async ValueTask InitializeAsync()
    {
        var (exitCode, _, error) = await CommandRunner.Run("run", Capture, "-m", "ept", "-m", "shadow", "-o", _folder["x.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", Repository.Data("ftrace", "intel-ept-tdp-mmio.4k.trace.gz"), "--db", _folder["host.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        (exitCode, _, error) = await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-o", _folder["full.capture"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        await File.WriteAllTextAsync(_folder["plan.toml"], "[[workload]]\nname = \"demand-paging\"\n[matrix]\nmmu = [\"ept\", \"shadow\"]\n");
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>A terminal of 80 columns: nothing is wider, but for a word that is (a path, a hash), and nothing is lost.</summary>
public sealed class WidthTests(BootDatabase boot) : IClassFixture<BootDatabase>
{
    private const int Columns = 80;

    [Theory]
    [InlineData("info {capture}")]
    [InlineData("info {x.db}")]
    [InlineData("info {host.db}")]
    [InlineData("run {capture} -m ept -m npt-tdp -m shadow --kernel 6.1 --kernel 6.12 --detail counters --force -o {y.db}")]
    [InlineData("verify {capture} -m ept -m shadow")]
    [InlineData("verify {host.db}")]
    [InlineData("diff {x.db} ept shadow")]
    [InlineData("diff {x.db} ept ept")]
    [InlineData("tree {x.db}")]
    [InlineData("tree {x.db} --depth 0 --entries 2 --at 1000000")]
    [InlineData("tree {x.db} --run shadow")]
    [InlineData("tree {host.db} --depth 0")]
    [InlineData("events {capture} -n 400")]
    [InlineData("events {capture} --no-accesses -n 400")]
    [InlineData("events {x.db} -n 4000")]
    [InlineData("events {x.db} --run shadow 1000000.. -n 4000")]
    [InlineData("events {host.db} -n 400")]
    [InlineData("schema")]
    [InlineData("schema table_write")]
    [InlineData("query --list")]
    [InlineData("query {x.db} @writes-by-level")]
    [InlineData("query {x.db} @first-writes")]
    [InlineData("query {x.db} @what-happened-at -p ordinal=1245")]
    [InlineData("query {x.db} @why-gfn -p gfn=0x2a10 -p run=shadow")]
    [InlineData("query {host.db} @capability")]
    [InlineData("record synthetic --list-workloads")]
    [InlineData("record synthetic -w demand-paging -k pages=16 --force -o {y.capture}")]
    [InlineData("export {x.db} -o {y.parquet} --view vm_exit --force")]
    [InlineData("import ftrace {trace} --db {z.db} --force")]
    [InlineData("completion")]
    [InlineData("quary x.db")]
    [InlineData("query {x.db} select * from table_writes")]
    [InlineData("export {x.db} -o {missing/y.parquet}")]
    [InlineData("export {x.db} --perfetto {y.trace} --force")]
    [InlineData("export {x.db} --walks {y.parquet} --run ept --force")]
    [InlineData("export {x.db} --reuse {y.csv} --run ept --force")]
    [InlineData("run {capture} -m etp -o {y.db}")]
    [InlineData("run {capture} --knob pages=1 -o {y.db}")]
    [InlineData("record synthetic -w nothing -o {y.capture}")]
    [InlineData("record qemu --qemu {nothing} -o {w.capture} -- -M pc")]
    [InlineData("record bochs --bochs {nothing} -o {w.capture} {capture}/manifest.json")]
    [InlineData("record host --kernel 6.9")]
    [InlineData("index {capture}")]
    [InlineData("index {full.capture}")]
    [InlineData("compact {capture} -o {w.capture} --force")]
    [InlineData("compact {full.capture} -o {w.capture} --force")]
    [InlineData("conform {nothing}")]
    [InlineData("conform {case} --capture {case.capture}")]
    [InlineData("sweep {plan.toml} --to {swept} --dry-run")]
    [InlineData("sweep {capture}")]
    [InlineData("serve {nothing.db}")]
    [InlineData("serve {x.db} --listen 0.0.0.300")]
    [InlineData("serve {x.db} --port 70000")]
    [InlineData("demo --kernel 6.1 -o {demo.db} --force")]
    [InlineData("schema fualt")]
    [InlineData("query {x.db} select count(*) from fault join vm_exit using (ordinal) where run = 'shadow'")]
    public async Task A_line_fits(string line)
    {
        var words = line.Split(' ').Select(Named).ToList();
        if (words is ["query", _, "select", ..])
            words = [words[0], words[1], string.Join(' ', words.Skip(2))];
        var (_, text, error) = await AtTerminal([.. words]);
        Assert.NotEqual("", text + error);
        Check(text);
        Check(error);
    }

    [Fact]
    public async Task The_help_of_every_verb_fits()
    {
        var root = CommandLine.Build(new CliConsole { Out = TextWriter.Null, Error = TextWriter.Null, In = new StringReader("") });
        foreach (var verb in Verbs(root, []))
        {
            var (exitCode, text, error) = await AtTerminal([.. verb, "--help"]);
            Assert.Equal((ExitCode.Done, ""), (exitCode, error));
            Assert.NotEqual("", text);
            Check(text);
        }

        static IEnumerable<string[]> Verbs(Command command, string[] path) =>
            [path, .. command.Subcommands.SelectMany(child => Verbs(child, [.. path, child.Name]))];
    }

    [Fact]
    public async Task Wide_lines_run_on_and_folded_ones_say_the_same()
    {
        foreach (var verb in (string[])["info", "tree", "events", "diff"])
        {
            string[] line = verb switch
            {
                "events" => [verb, boot["x.db"], "-n", "100"],
                "diff" => [verb, boot["x.db"], "ept", "shadow"],
                _ => [verb, boot["x.db"]],
            };
            var (_, folded, _) = await AtTerminal(line);
            var (_, wide, _) = await AtTerminal([.. line, "--wide"]);
            Assert.Contains(wide.Split('\n'), each => each.Length > Columns);
            Assert.Equal(Words(wide), Words(folded));
        }

        static IEnumerable<string> Words(string text) => text.Split([' ', '\n', '\r', '│'], StringSplitOptions.RemoveEmptyEntries);
    }

    [Theory]
    [InlineData("run 1: ept", "run 1: ept")]
    [InlineData("label   one two three four five six seven", "label   one two three four five six\n        seven")]
    [InlineData("   7  8  write one two three four five six seven", "   7  8  write one two three four five\n         six seven")]
    [InlineData("│  ├─ PT[0] one two three four five six seven", "│  ├─ PT[0] one two three four five six\n│  │  seven")]
    [InlineData("one two three four five six seven eight nine", "one two three four five six seven\n  eight nine")]
    [InlineData("  replay query longer.db --list    the canned queries", "  replay query longer.db --list\n      the canned queries")]
    public void A_folded_line_stands_under_its_text(string line, string expected)
    {
        var output = new StringWriter { NewLine = "\n" };
        using var folding = new FoldingWriter(output, 40) { NewLine = "\n" };
        folding.WriteLine(line);
        Assert.Equal(expected + "\n", output.ToString());
    }

    private string Named(string word) => word switch
    {
        "{capture}" => boot.Capture,
        "{trace}" => Repository.Data("ftrace", "intel-ept-tdp-mmio.4k.trace.gz"),
        "{case}" => Repository.Data("conformance", "amd", "shadow", "seed1005.lazythp"),
        "{case.capture}" => Repository.Data("conformance", "seed1005.capture"),
        ['{', .. var name, '}'] => boot[name],
        _ => word,
    };

    private static void Check(string text)
    {
        var tooLong = text.ReplaceLineEndings("\n").Split('\n').Where(line => new StringInfo(line).LengthInTextElements > Columns && !IsOneWord(line)).Take(3).ToList();
        Assert.True(tooLong.Count == 0, string.Join('\n', tooLong));
    }

    /// <summary>One word in a line of its own, or behind its label, may be as long as it is: a path.</summary>
    private static bool IsOneWord(string line) => line.Trim(' ', '│', '├', '└', '─').Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_] or [_, { Length: > Columns / 2 }];

    private static async Task<(int ExitCode, string Out, string Error)> AtTerminal(params string[] args)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        var console = new CliConsole { Out = output, Error = new FoldingWriter(error, Columns), In = new StringReader(""), OutIsTerminal = true, Width = Columns };
        var exitCode = await CommandLine.RunAsync(args, console);
        return (exitCode, output.ToString(), error.ToString());
    }
}
