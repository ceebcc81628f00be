using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>What is the same for every verb: outputs, schema, completion.</summary>
public sealed class TerminalTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("record synthetic --workload boot-like -o {missing/x.capture}")]
    [InlineData("export {x.db} -o {missing/x.parquet}")]
    [InlineData("diff {x.db} ept npt -o {missing/x.html}")]
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
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    [InlineData("pwsh")]
    public async Task Completion_asks_the_program_itself(string shell)
    {
        var (exitCode, script, _) = await CommandRunner.Run("completion", shell);
        Assert.Equal(ExitCode.Done, exitCode);
        Assert.Contains("[suggest:", script, StringComparison.Ordinal);
        var (_, suggested, _) = await CommandRunner.Run("[suggest:10]", "replay exp");
        Assert.Contains("export", suggested, StringComparison.Ordinal);
    }
}
