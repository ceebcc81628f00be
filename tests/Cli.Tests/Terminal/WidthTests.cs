using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Replay.Analyzer.Query;
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
        var (exitCode, _, error) = await CommandRunner.Run("run", Capture, "-m", "ept", "-m", "ept-tdp", "-m", "shadow", "-o", _folder["x.db"], "-q");
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
public sealed partial class WidthTests(BootDatabase boot) : IClassFixture<BootDatabase>
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
    [InlineData("diff {x.db} ept")]
    [InlineData("diff {x.db}")]
    [InlineData("tree {x.db} --at 99999999999")]
    [InlineData("events {x.db} 99999999999..")]
    [InlineData("events {capture} 99999999999..")]
    [InlineData("events {x.db} --gpa 0x1000")]
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

    [Theory]
    [InlineData("diff {x.db} ept", "two runs are compared, and ept alone is named. {x.db} has 1 (ept), 2 (ept-tdp), 3 (shadow): 'replay diff {x.db} ept RUN'.")]
    [InlineData("diff {x.db}:ept shadow", "'replay diff {x.db} ept shadow'.")]
    [InlineData("diff {x.db}", "none is named. {x.db} has 1 (ept)")]
    [InlineData("diff {x.db} etp", "Did you mean 'ept'")]
    [InlineData("tree {x.db} --at 99999999999", "--at 99999999999: run ept holds events 0 to ")]
    [InlineData("tree {x.db} --at -1", "--at -1: run ept holds events 0 to ")]
    [InlineData("events {x.db} --run shadow 99999999999..", "RANGE 99999999999..: run shadow holds events 0 to ")]
    [InlineData("events {capture} 99999999999..", "RANGE 99999999999: the capture holds events 0 to ")]
    [InlineData("events {x.db} --gpa 0x1000", "'replay query {x.db} @writes-to-range -p from=ADDRESS")]
    [InlineData("query {x.db} hot-gfns", "'hot-gfns' is no SQL. Did you mean @hot-gfns?")]
    public async Task What_cannot_be_meant_is_refused_with_what_can(string line, string told)
    {
        var (exitCode, text, error) = await CommandRunner.Run([.. line.Split(' ').Select(word => word.StartsWith("{x.db}:", StringComparison.Ordinal) ? boot["x.db"] + word[6..] : Named(word))]);
        Assert.Equal((ExitCode.Usage, ""), (exitCode, text));
        Assert.Contains(told.Replace("{x.db}", boot["x.db"], StringComparison.Ordinal), error, StringComparison.Ordinal);
    }

    /// <summary>What is asked is told where there is no room for all: who, what, when, which function.</summary>
    [Theory]
    [InlineData("counters", "", "name run value")]
    [InlineData("diff-summary", "a=ept b=shadow", "kind name a b difference")]
    [InlineData("dirty-log-cost", "", "what level chain count")]
    [InlineData("divergences", "", "event level gfn_hex trace model function")]
    [InlineData("entry-at", "table_id=5 idx=0x100", "ordinal value_hex kind rights function")]
    [InlineData("exits-by-reason", "", "run reason exits percent faults writes")]
    [InlineData("fault-latency", "", "cause access faults writes")]
    [InlineData("faults-by-function", "", "run handler access outcome faults writes")]
    [InlineData("faults-by-process", "", "cr3_hex function faults writes")]
    [InlineData("faults-by-rip", "", "rip_hex faults percent emulated writes")]
    [InlineData("first-writes", "", "run level ordinal gfn_hex function access")]
    [InlineData("flushes-by-cause", "", "run kind chain flushes pages")]
    [InlineData("hot-entries", "", "table_id level idx writes gfn_hex")]
    [InlineData("hot-gfns", "", "gfn_hex writes set_writes change_writes clear_writes")]
    [InlineData("hot-tables", "", "table_id level gfn_hex writes unsyncs syncs")]
    [InlineData("mapping-at", "address=0x2a03000", "level value_hex kind rights function")]
    [InlineData("mapping-at", "address=0xffffffff82a10000", "level value_hex kind rights function")]
    [InlineData("nested-cost", "", "run what count")]
    [InlineData("nested-exits", "", "run reason handed_to_l1_as exits")]
    [InlineData("nested-flushes", "", "run request times entries_written flushes")]
    [InlineData("nested-mapping-at", "gva=0x1000", "walk level value_hex state leads_to")]
    [InlineData("pml4-at", "", "idx value_hex kind rights function since_ordinal")]
    [InlineData("refault-storms", "", "address_hex faults refaults spurious emulated writes")]
    [InlineData("refaults", "", "why by_function mappings faults")]
    [InlineData("runs", "", "run name mode complete exits faults writes")]
    [InlineData("table-at", "table_id=5", "idx value_hex kind rights function since_ordinal")]
    [InlineData("table-memory", "", "until_ordinal pages bytes most_pages")]
    [InlineData("timeline", "", "from_ordinal exits faults writes flushes")]
    [InlineData("unsync-churn", "", "run operation level chain operations")]
    [InlineData("what-happened-at", "ordinal=17964868", "kind text")]
    [InlineData("who-zapped", "gfn=0xf0", "ordinal level change chain")]
    [InlineData("why-entry", "table_id=53 idx=95", "ordinal change function access outcome")]
    [InlineData("why-gfn", "gfn=0x2a10", "ordinal level change function access")]
    [InlineData("why-gva", "gva=0xffffffff82a10000", "ordinal access change function")]
    [InlineData("write-protect-churn", "", "run level changes chain writes")]
    [InlineData("write-protected", "", "gfn_hex what protected protected_first_by")]
    [InlineData("writes-by-level", "", "run level table_name function change writes")]
    [InlineData("writes-over-time", "", "from_ordinal level function writes")]
    [InlineData("writes-to-range", "from=0x2a03000 to=0x2a03fff", "ordinal gfn_hex rip_hex change function")]
    [InlineData("zap-victims", "ordinal=17964868", "victim level gfn_hex rights age function")]
    [InlineData("zaps", "", "run victim level chain count")]
    public async Task A_canned_query_answers_in_80_columns(string name, string arguments, string columns)
    {
        var query = CannedQueries.Find(name);
        string[] values = [.. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(pair => (string[])["-p", pair])];
        foreach (var run in (string[])["ept", "ept-tdp", "shadow"])
        {
            string[] ofRun = query.Parameters.Any(parameter => parameter.Name == "run") ? ["-p", $"run={run}"] : [];
            var (exitCode, text, error) = await AtTerminal(["query", boot["x.db"], "@" + name, .. ofRun, .. values]);
            Assert.True(exitCode == ExitCode.Done, error);
            if (error.Contains("0 rows", StringComparison.Ordinal))
                continue;
            var empty = Empty().Match(error.ReplaceLineEndings(" ")).Groups["names"].Value.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries);
            var missing = columns.Split(' ').Except(text.ReplaceLineEndings("\n").Split('\n')[0].Split(' ')).Except(empty).ToList();
            Assert.True(missing.Count == 0, $"@{name} of {run} has no room for {string.Join(", ", missing)}:\n{text[..Math.Min(text.Length, 800)]}");
            Check(text);
            // An entry or an address has its low end, and a chain its last function.
            Assert.DoesNotMatch("0x[0-9a-f]*…(?![0-9a-f])|…[a-z_]", text);
        }
    }

    [Fact]
    public void Each_canned_query_is_looked_at() =>
        Assert.Equal(
            CannedQueries.All.Select(query => query.Name),
            typeof(WidthTests).GetMethod(nameof(A_canned_query_answers_in_80_columns))!.GetCustomAttributes<InlineDataAttribute>().Select(data => (string)data.Data[0]!).Distinct().Order(StringComparer.Ordinal));

    /// <summary>A command line that is shown as an example works as it is.</summary>
    [Fact]
    public async Task Examples_that_read_a_database_or_a_capture_are_run()
    {
        await File.WriteAllTextAsync(boot["System.map"], "ffffffff81000000 T _text\nffffffff82000000 T _etext\n", TestContext.Current.CancellationToken);
        File.Copy(boot["System.map"], boot["app"], overwrite: true);
        var root = CommandLine.Build(new CliConsole { Out = TextWriter.Null, Error = TextWriter.Null, In = TextReader.Null });
        var examples = root.Subcommands.Where(verb => verb.Name is "query" or "shell" or "diff" or "tree" or "events" or "info").OfType<VerbCommand>()
            .SelectMany(verb => verb.Examples).Select(example => example.Command).Where(line => !OwnFiles().IsMatch(line)).ToList();
        Assert.True(examples.Count > 18, string.Join('\n', examples));
        foreach (var example in examples)
        {
            var piped = Piped().Match(example);
            var line = (piped.Success ? piped.Groups["line"].Value : example).Split(" | ")[0];
            string[] words = [.. CommandLineParser.SplitCommandLine(line["replay ".Length..]).Select(word => word switch
            {
                "boot.db" => boot["x.db"],
                "boot.capture" => boot.Capture,
                _ => OwnName().Replace(word, match => boot[match.Value]),
            })];
            var (output, error) = (new StringWriter(), new StringWriter());
            var console = new CliConsole { Out = output, Error = error, In = new StringReader(piped.Groups["input"].Value), InIsPiped = true };
            var exitCode = await CommandLine.RunAsync(words, console);
            Assert.True(exitCode == ExitCode.Done || (exitCode == ExitCode.Different && words[0] == "diff"), $"{example}\n{error}");
            Assert.True(output.ToString().Length > 0 || example == "replay shell boot.db" || words.Contains("--gfn"), example);
        }
    }

    [GeneratedRegex("\\(empty: (?<names>[^)]*)\\)")]
    private static partial Regex Empty();

    /// <summary>What this test has not: guests of guests, a folder of histories, a table of costs, a server.</summary>
    [GeneratedRegex("nested|histories|mine.json|4k.db|--explorer|host.db")]
    private static partial Regex OwnFiles();

    [GeneratedRegex("^(System.map$|app(?=@)|[a-z]+.html$)")]
    private static partial Regex OwnName();

    [GeneratedRegex("^echo \"(?<input>[^\"]*)\" \\| (?<line>replay .*)$")]
    private static partial Regex Piped();

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
