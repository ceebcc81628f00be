using System.Text.Json;
using Replay.Trace;

namespace Replay.Cli.Tests;

/// <summary>What a verb cannot answer it refuses, by an exit code and a line, instead of giving an answer to something else.</summary>
public sealed class AnswerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Two_runs_are_not_called_the_same_where_neither_has_an_event()
    {
        await MakeDatabase("all");
        foreach (var range in (string[])["900000000..", "900000000..900000001"])
        {
            var (exitCode, text, error) = await CommandRunner.Run("diff", _folder["x.db"], "ept", "shadow", "--range", range);
            Assert.Equal((ExitCode.Usage, ""), (exitCode, text));
            Assert.Contains("the runs hold events 0 to ", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_tables_made_in_a_range_are_those_whose_making_lies_in_it()
    {
        await MakeDatabase("all");
        var (_, text, _) = await CommandRunner.Run("diff", _folder["x.db"], "ept", "shadow", "--range", "1000..2000", "--json");
        using var diff = JsonDocument.Parse(text);
        var tables = diff.RootElement.GetProperty("tables").GetProperty("created");
        var (_, rows, _) = await CommandRunner.Run(
            "query", _folder["x.db"], "select sum(created_ordinal between 1000 and 2000) from table_page group by run order by run", "--format", "csv");
        var expected = rows.ReplaceLineEndings("\n").Trim().Split('\n')[1..].Select(long.Parse).ToList();
        Assert.NotEqual(0, expected[1]);
        Assert.Equal(expected, [tables.GetProperty("a").GetInt64(), tables.GetProperty("b").GetInt64()]);
    }

    [Theory]
    [InlineData("diff")]
    [InlineData("tree")]
    [InlineData("events")]
    public async Task A_run_that_is_not_there_is_a_wrong_command_line_for_every_verb(string verb)
    {
        await MakeDatabase("all");
        string[] rest = verb == "diff" ? ["ept", "nope"] : ["--run", "nope"];
        var (exitCode, _, error) = await CommandRunner.Run([verb, _folder["x.db"], .. rest]);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains("has no run nope. It has 1 (ept), 2 (shadow).", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_capture_that_exists_cannot_be_created()
    {
        await MakeDatabase("all");
        var (exitCode, _, error) = await CommandRunner.Run("record", "synthetic", "-w", "sequential", "-o", _folder["x.capture"], "-q");
        Assert.Equal(ExitCode.CannotCreate, exitCode);
        Assert.Contains("--force", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_database_is_verified_for_scripts_too()
    {
        await MakeDatabase("all");
        var (exitCode, text, _) = await CommandRunner.Run("verify", _folder["x.db"], "--json", "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        using var runs = JsonDocument.Parse(text);
        Assert.Equal(["ept", "shadow"], runs.RootElement.EnumerateArray().Select(run => run.GetProperty("name").GetString()));
        Assert.All(runs.RootElement.EnumerateArray(), run =>
        {
            Assert.True(run.GetProperty("same").GetBoolean());
            Assert.Equal(run.GetProperty("stored").GetString(), run.GetProperty("again").GetString());
        });
    }

    [Fact]
    public async Task An_option_of_the_other_kind_of_input_is_refused_and_not_ignored()
    {
        await MakeDatabase("all");
        foreach (var (input, option) in ((string, string[])[])[("x.capture", ["--run", "1"]), ("x.capture", ["--table", "1"]), ("x.db", ["--no-accesses"])])
        {
            var (exitCode, text, error) = await CommandRunner.Run(["events", _folder[input], .. option]);
            Assert.Equal((ExitCode.Usage, ""), (exitCode, text));
            Assert.Contains(option[0], error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("leaf", "only the writes to leaves (--detail leaf)")]
    [InlineData("counters", "no rows (--detail counters)")]
    public async Task Rows_that_were_not_stored_are_told_where_they_are_asked_for(string detail, string expected)
    {
        await MakeDatabase(detail);
        foreach (var words in (string[][])[["query", _folder["x.db"], "select count(*) from table_write"], ["events", _folder["x.db"], "-n", "1"], ["info", _folder["x.db"]]])
            Assert.Contains(expected, (await CommandRunner.Run(words)).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("query {x.db} @nothing", "'replay query --list' lists them.")]
    [InlineData("query {x.db} |select * from writes", "no such table: writes. Did you mean 'table_write' or")]
    [InlineData("query {x.db} |delete from _run", "a query may only read: statements that write are refused.")]
    [InlineData("query {x.db} |attach 'y.db' as y", "a query may only read: ATTACH is refused.")]
    [InlineData("events {x.capture} --kind nothing", "choose from access, page_table_store,")]
    public async Task A_mistake_is_answered_by_what_there_is(string words, string expected)
    {
        await MakeDatabase("all");
        var parts = words.Split('|');
        string[] args = [.. parts[0].Trim().Split(' ').Select(word => word.StartsWith('{') ? _folder[word.Trim('{', '}')] : word), .. parts[1..]];
        var (exitCode, _, error) = await CommandRunner.Run(args);
        Assert.Equal(ExitCode.Usage, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "conform")]
    [InlineData("record", "synthetic")]
    public async Task Half_a_command_line_is_answered_by_its_help(string words, string expected)
    {
        var (exitCode, text, error) = await CommandRunner.Run(words.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((ExitCode.Usage, ""), (exitCode, text));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.Contains("Usage:", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_capture_without_anything_in_it_is_told_where_it_is_replayed()
    {
        await MakeDatabase("all");
        using (var full = CaptureReader.Open(_folder["x.capture"]))
        using (var empty = CaptureWriter.Create(_folder["empty.capture"], full.Manifest with { AccessesSeen = 0 }))
            empty.Complete("guest-exit", 0);
        foreach (var words in (string[][])[["run", _folder["empty.capture"], "-o", _folder["empty.db"]], ["verify", _folder["empty.capture"]]])
        {
            var (_, _, error) = await CommandRunner.Run([.. words, "-q"]);
            Assert.Contains("holds no access and no event: nothing was replayed.", error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(3, "DMA: what devices write is not seen")]
    [InlineData(0, "3 VMRUN instructions: accesses of nested guests are not told apart")]
    public async Task What_a_nested_guest_made_unseen_gets_no_verdict(long counted, string blind)
    {
        await MakeDatabase("all");
        using (var whole = CaptureReader.Open(_folder["x.capture"]))
        using (var nested = CaptureWriter.Create(_folder["nested.capture"], whole.Manifest with { Parts = [], NestedNotFollowed = counted, Blind = [blind] }))
        {
            var chunk = new TraceChunk();
            while (whole.TryRead(chunk))
                nested.Write(chunk);
            nested.Complete("guest-exit", whole.Manifest.AccessesSeen);
        }

        const string Told = "3 VMRUN or VMXON instructions not followed";
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder["nested.capture"], "-m", "ept", "-q", "--json");
        Assert.Equal(ExitCode.Different, exitCode);
        Assert.Contains(Told, error, StringComparison.Ordinal);
        Assert.Equal("none", System.Text.Json.JsonDocument.Parse(text).RootElement[0].GetProperty("verdict").GetString());
        (exitCode, _, error) = await CommandRunner.Run("run", _folder["nested.capture"], "-m", "ept", "-o", _folder["nested.db"], "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains(Told, error, StringComparison.Ordinal);
        (_, text, _) = await CommandRunner.Run("query", _folder["nested.db"], "select kind, recorded from model_note", "--format", "csv");
        Assert.Contains("nested_not_followed,3", text, StringComparison.Ordinal);
        (_, text, _) = await CommandRunner.Run("info", _folder["nested.capture"]);
        Assert.Contains(Told, text, StringComparison.Ordinal);
        (exitCode, text, _) = await CommandRunner.Run("verify", _folder["x.capture"], "-m", "ept", "-q", "--json");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Equal("exact", System.Text.Json.JsonDocument.Parse(text).RootElement[0].GetProperty("verdict").GetString());
    }

    [Fact]
    public async Task A_checked_capture_says_that_it_was_checked()
    {
        await MakeDatabase("all");
        var (exitCode, _, error) = await CommandRunner.Run("info", _folder["x.capture"], "--check");
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("every part is there and has its checksum (1 part)", error, StringComparison.Ordinal);
    }

    private async Task MakeDatabase(string detail)
    {
        await CommandRunner.Run("record", "synthetic", "--workload", "demand-paging", "-k", "pages=64", "-o", _folder["x.capture"], "-q");
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["x.capture"], "-m", "ept", "-m", "shadow", "-o", _folder["x.db"], "-q", "--detail", detail);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("x.db: 2 runs in", error, StringComparison.Ordinal);
    }
}
