using System.Text.RegularExpressions;

namespace Replay.Cli.Tests;

/// <summary>The demo, and what it says to go on with.</summary>
public sealed class DemoTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Everything_that_it_suggests_has_an_answer()
    {
        var (exitCode, text, error) = await CommandRunner.Run("demo", "--db", _folder["demo.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        var suggested = text[text.IndexOf("Go on with:", StringComparison.Ordinal)..].Split('\n').Select(line => Regex.Match(line, "^  replay (.*?)  +").Groups[1].Value).Where(line => line.Length > 0).ToList();
        Assert.InRange(suggested.Count, 6, 20);
        foreach (var line in suggested.Where(line => !line.StartsWith("record ", StringComparison.Ordinal) && !line.StartsWith("shell ", StringComparison.Ordinal) && !line.StartsWith("serve ", StringComparison.Ordinal)))
        {
            var arguments = line.Replace("demo.html", _folder["demo.html"], StringComparison.Ordinal).Split(' ');
            var (code, answer, message) = await CommandRunner.Run(arguments);
            Assert.True(code is ExitCode.Done or ExitCode.Different, $"{line}: {message}");
            // A line of names is no answer yet.
            Assert.True(answer.Split('\n').Count(each => each.Trim().Length > 0) >= 2, $"{line}: {answer}");
            Assert.DoesNotContain("(0 rows)", answer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_no_database_holds_is_made_from_its_capture_whole_or_not_at_all()
    {
        var (recorded, _, message) = await CommandRunner.Run("record", "synthetic", "-w", "demand-paging", "-o", _folder["x.capture"], "-q", "--max-accesses", "5000");
        Assert.True(recorded == ExitCode.Done, message);
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run("run", _folder["x.capture"], "-m", "npt", "-m", "shadow", "-o", _folder["x.db"], "-q")).ExitCode);
        string[] export = ["export", _folder["x.db"], "--walks", _folder["w.csv"], "--reuse", _folder["r.csv"], "--working-set", _folder["s.csv"], "--window", "1000", "-q"];
        var (exitCode, _, error) = await CommandRunner.Run([.. export, "--run", "shadow"]);
        Assert.True(exitCode == ExitCode.Done, error);
        var (_, counted, _) = await CommandRunner.Run("query", _folder["x.db"], "select sum(walks * (guest_references + kvm_references)) from walk_summary where run = 2", "--format", "csv");
        Assert.Equal($"{File.ReadLines(_folder["w.csv"]).Count() - 1}", counted.Trim().Split('\n')[^1].Trim());
        Assert.StartsWith("walk,step,ordinal,vcpu,access,gva,hpa,tables,level,of_level,address,gpa,entry", File.ReadLines(_folder["w.csv"]).First(), StringComparison.Ordinal);
        Assert.StartsWith("gfn,distance_from,distance_to,accesses", File.ReadLines(_folder["r.csv"]).First(), StringComparison.Ordinal);
        Assert.StartsWith("0,999,", File.ReadLines(_folder["s.csv"]).ElementAt(1), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder["."], "*.partial"));
        Assert.Equal(ExitCode.CannotCreate, (await CommandRunner.Run([.. export, "--run", "shadow"])).ExitCode);
        Assert.Equal(ExitCode.Usage, (await CommandRunner.Run([.. export, "--run", "npt", "--run", "shadow", "--force"])).ExitCode);
        Directory.Move(_folder["x.capture"], _folder["y.capture"]);
        Assert.Equal(ExitCode.InputMissing, (await CommandRunner.Run([.. export, "--run", "npt", "--force"])).ExitCode);
    }

    [Fact]
    public async Task Its_runs_can_be_told_apart_and_found_again()
    {
        var (recorded, _, message) = await CommandRunner.Run("record", "synthetic", "-w", "sequential", "-o", _folder["x.capture"], "-q", "--max-accesses", "2000");
        Assert.True(recorded == ExitCode.Done, message);
        var (exitCode, text, _) = await CommandRunner.Run("run", _folder["x.capture"], "-m", "ept", "-m", "shadow", "--name", "mine", "-o", _folder["x.db"], "-q", "--json");
        Assert.Equal(ExitCode.Done, exitCode);
        using var json = System.Text.Json.JsonDocument.Parse(text);
        Assert.Equal(
            [(1, "mine-ept", "ept", "intel", "4k"), (2, "mine-shadow", "shadow", "intel", "4k")],
            json.RootElement.EnumerateArray().Select(run => (run.GetProperty("run").GetInt32(), run.GetProperty("name").GetString()!, run.GetProperty("mode").GetString()!, run.GetProperty("profile").GetString()!, run.GetProperty("backing").GetString()!)));
    }
}
