using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Replay.Explorer;

namespace Replay.Cli.Tests;

/// <summary>Two modes of one guest compared, through the command line alone.</summary>
public sealed class DiffTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task With_EPT_CR3_loads_and_INVLPG_make_no_exit_and_free_no_root_and_with_shadow_paging_they_do()
    {
        await Run("context-switch-storm", "ept", "shadow");
        using var diff = await Json(_folder["x.db"], "ept", "shadow");
        var exits = diff.RootElement.GetProperty("exits").GetProperty("sorts").EnumerateArray().ToDictionary(sort => sort.GetProperty("name").GetString()!);
        Assert.Equal(0, exits["CR3_WRITE"].GetProperty("a").GetInt64());
        Assert.InRange(exits["CR3_WRITE"].GetProperty("b").GetInt64(), 10, long.MaxValue);
        Assert.True(diff.RootElement.GetProperty("frames").GetProperty("holds").GetBoolean());
        var (_, roots, _) = await CommandRunner.Run(
            "query",
            _folder["x.db"],
            "select r.name, count(x.run) from run r left join root_change c on c.run = r.run and c.operation = 'free' "
            + "left join vm_exit x on x.run = c.run and x.exit_id = c.exit_id and x.reason in ('CR3_WRITE', 'INVLPG', 'INVPCID') group by r.run",
            "--format",
            "csv");
        Assert.Contains("ept,0", roots, StringComparison.Ordinal);
        Assert.DoesNotContain("shadow,0", roots, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Modes_walk_the_same_misses_and_read_other_tables()
    {
        await Run("demand-paging", "ept", "npt-tdp", "shadow");
        using var twoDimensional = await Json(_folder["x.db"], "ept", "npt-tdp");
        var walks = twoDimensional.RootElement.GetProperty("walks");
        Assert.Equal(walks.GetProperty("walks").GetProperty("a").GetInt64(), walks.GetProperty("walks").GetProperty("b").GetInt64());
        Assert.Equal(walks.GetProperty("references").GetProperty("a").GetInt64(), walks.GetProperty("references").GetProperty("b").GetInt64());
        using var shadow = await Json(_folder["x.db"], "ept", "shadow");
        // 3 before the guest turns paging on, 4 from then on.
        Assert.InRange(shadow.RootElement.GetProperty("walks").GetProperty("perWalkB").GetDouble(), 3.9, 4);
        Assert.InRange(shadow.RootElement.GetProperty("walks").GetProperty("perWalkA").GetDouble(), 19, 24);
    }

    [Fact]
    public async Task A_difference_is_told_on_one_screen_and_by_the_exit_code_and_in_one_file()
    {
        await Run("sequential", "ept", "ept-tdp");
        var (exitCode, text, error) = await CommandRunner.Run("diff", _folder["x.db"], "ept", "ept-tdp", "--html", _folder["x.html"]);
        Assert.True(exitCode == ExitCode.Different, error);
        foreach (var line in (string[])["VM exits", "table writes", "Same memory?  Yes", "Cheaper?      ept would have been cheaper", "First unlike  event", "__direct_pte_prefetch"])
            Assert.Contains(line, text, StringComparison.Ordinal);
        Assert.True(text.Split('\n').Length < 60);
        Assert.All(text.Split('\n').Where(line => line.StartsWith('|')), line => Assert.InRange(line.Length, 1, 100));
        Assert.StartsWith("<!DOCTYPE html>", await File.ReadAllTextAsync(_folder["x.html"], TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(ExitCode.CannotCreate, (await CommandRunner.Run("diff", _folder["x.db"], "ept", "ept-tdp", "--html", _folder["x.html"])).ExitCode);
    }

    [Fact]
    public async Task A_report_links_into_the_explorer_that_shows_both_runs_and_every_link_is_answered()
    {
        await Run("context-switch-storm", "ept", "shadow");
        await using var server = await ExplorerServer.StartAsync(new ExplorerOptions { Databases = [_folder["x.db"]], Port = 0 }, TestContext.Current.CancellationToken);
        var address = server.Address.GetLeftPart(UriPartial.Authority);
        var (exitCode, _, error) = await CommandRunner.Run("diff", _folder["x.db"], "ept", "shadow", "-o", _folder["x.html"], "--divergences", "3", "--explorer", address);
        Assert.True(exitCode == ExitCode.Different, error);
        Assert.Contains($"with links into {address}", error, StringComparison.Ordinal);
        var html = await File.ReadAllTextAsync(_folder["x.html"], TestContext.Current.CancellationToken);
        var links = Regex.Matches(html, "href=\"(http[^\"]+)\"").Select(match => WebUtility.HtmlDecode(match.Groups[1].Value)).Distinct().ToList();
        Assert.All(links, link => Assert.StartsWith($"{address}/", link, StringComparison.Ordinal));
        // A range of each chart, the first events' stories and tables, the comparison.
        foreach (var view in (string[])["why", "tables", "timeline", "compare"])
            Assert.Contains(links, link => link.StartsWith($"{address}/{view}?run=ept&vs=shadow", StringComparison.Ordinal));
        using var client = new HttpClient();
        foreach (var link in links.Where(link => !link.Contains("/timeline", StringComparison.Ordinal)).Append(links.First(link => link.Contains("/timeline", StringComparison.Ordinal))))
            Assert.StartsWith("{", await client.GetStringAsync(link.Replace("?", ".json?", StringComparison.Ordinal), TestContext.Current.CancellationToken), StringComparison.Ordinal);

        File.Copy(_folder["x.db"], _folder["y.db"]);
        var (notShown, _, message) = await CommandRunner.Run("diff", _folder["y.db"], "ept", "shadow", "-o", _folder["y.html"], "--explorer", address);
        Assert.Equal(ExitCode.InputMissing, notShown);
        Assert.Contains("does not show both runs", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_run_and_the_same_mode_of_two_databases_are_the_same()
    {
        await Run("sequential", "ept");
        File.Copy(_folder["x.db"], _folder["y.db"]);
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("diff", _folder["x.db"], "ept", "ept")).ExitCode);
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("diff", _folder["x.db"], _folder["y.db"] + ":ept")).ExitCode);
    }

    [Fact]
    public async Task What_cannot_be_compared_is_one_line_and_its_exit_code()
    {
        await Run("sequential", "ept");
        File.Copy(_folder["x.db"], _folder["y.db"]);
        await Run("demand-paging", "ept");
        await Fails(ExitCode.BadInput, "two captures", _folder["x.db"], _folder["y.db"]);
        await Fails(ExitCode.Usage, "has no run npt", _folder["x.db"], "ept", "npt");
        await Fails(ExitCode.InputMissing, "no such database", _folder["z.db"], "ept", "npt");
        await Fails(ExitCode.InputMissing, "no such cost table", _folder["x.db"], "ept", "ept", "--costs", _folder["z.json"]);
        await Fails(ExitCode.Usage, "--range", _folder["x.db"], "ept", "ept", "--range", "9..1");
        await Fails(ExitCode.Usage, "--ranges", _folder["x.db"], "ept", "ept", "--ranges", "0");
    }

    private static async Task Fails(int expected, string message, params string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["diff", .. arguments]);
        Assert.Equal(expected, exitCode);
        Assert.Empty(text);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private static async Task<JsonDocument> Json(params string[] arguments)
    {
        var (exitCode, text, error) = await CommandRunner.Run(["diff", .. arguments, "--json"]);
        Assert.True(exitCode == ExitCode.Different, error);
        return JsonDocument.Parse(text);
    }

    private async Task Run(string workload, params string[] modes)
    {
        var (recorded, _, error) = await CommandRunner.Run(
            "record", "synthetic", "--workload", workload, "--max-accesses", "30000", "-o", _folder["x.capture"], "-q", "--force");
        Assert.True(recorded == ExitCode.Done, error);
        var (replayed, _, message) = await CommandRunner.Run(["run", _folder["x.capture"], .. modes.SelectMany(mode => new[] { "-m", mode }), "-o", _folder["x.db"], "-q", "--force"]);
        Assert.True(replayed == ExitCode.Done, message);
    }
}
