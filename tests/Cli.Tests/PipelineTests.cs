using System.Text.Json;

namespace Replay.Cli.Tests;

/// <summary>From a recording to an answer, through the command line alone.</summary>
public sealed class PipelineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_workload_is_recorded_replayed_and_queried()
    {
        await Record("full.capture");
        var (exitCode, text, _) = await CommandRunner.Run(
            "run", _folder["full.capture"], "--mmu", "ept", "--mmu", "ept-tdp", "-o", _folder["a.db"], "--json", "-q");
        Assert.Equal(ExitCode.Done, exitCode);
        using var json = JsonDocument.Parse(text);
        Assert.All(json.RootElement.EnumerateArray(), run => Assert.Equal(0, run.GetProperty("translationsDiffering").GetInt64()));

        var (_, csv, _) = await CommandRunner.Run("query", _folder["a.db"], "select name from run order by run", "--format", "csv");
        Assert.Equal(["name", "ept", "ept-tdp"], csv.ReplaceLineEndings("\n").TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task The_history_is_the_same_on_one_thread_and_on_several_with_the_TLB_and_without()
    {
        await Record("full.capture");
        var reference = await Hashes("full.capture", "--threads", "1");
        Assert.Equal(reference, await Hashes("full.capture", "--threads", "4"));
        Assert.Equal(reference, await Hashes("full.capture", "--no-tlb"));
    }

    [Fact]
    public async Task A_filtered_recording_gives_the_history_of_the_full_one()
    {
        await Record("full.capture");
        await Record("filtered.capture", "--filter", "64", "--epoch", "4096");
        Assert.Equal(await Hashes("full.capture"), await Hashes("filtered.capture"));
    }

    [Fact]
    public async Task A_database_verifies_against_its_capture()
    {
        await Record("full.capture");
        await CommandRunner.Run("run", _folder["full.capture"], "-m", "npt", "-o", _folder["v.db"], "-q");
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder["v.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("same history", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_host_does_meanwhile_is_the_same_however_it_is_replayed_and_is_stored_with_the_run()
    {
        await Record("full.capture");
        await File.WriteAllTextAsync(
            _folder["host.jsonl"],
            """
            {"at": 9000, "op": "invalidate", "gpa": 0, "size": "0x40000000"}
            {"at": 15000, "op": "dirty_log_on", "gpa": 0}
            {"at": 20000, "op": "dirty_log_read", "gpa": 0}
            {"at": 900000000, "op": "age", "gpa": 0}
            """,
            TestContext.Current.CancellationToken);
        string[] hosts = ["--host-events", _folder["host.jsonl"]];
        var reference = await Hashes("full.capture", [.. hosts, "--threads", "1", "--no-tlb"]);
        Assert.NotEqual(await Hashes("full.capture"), reference);
        Assert.Equal(reference, await Hashes("full.capture", [.. hosts, "--threads", "4"]));

        var (exitCode, _, error) = await CommandRunner.Run(["run", _folder["full.capture"], "-m", "ept", "-o", _folder["h.db"], "-q", .. hosts]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains("1 host event never came", error, StringComparison.Ordinal);
        await Record("with.capture", hosts);
        File.Delete(_folder["host.jsonl"]);
        Assert.Equal(reference, await Hashes("with.capture"));
        (exitCode, var text, error) = await CommandRunner.Run("verify", _folder["h.db"], "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains($"same history, {reference[0]}", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_output_that_exists_is_not_overwritten_unless_forced()
    {
        await Record("full.capture");
        string[] run = ["run", _folder["full.capture"], "-o", _folder["o.db"], "-q"];
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run(run)).ExitCode);
        Assert.Equal(ExitCode.CannotCreate, (await CommandRunner.Run(run)).ExitCode);
        Assert.Equal(ExitCode.Done, (await CommandRunner.Run([.. run, "--force"])).ExitCode);
    }

    [Fact]
    public async Task A_damaged_capture_is_bad_input()
    {
        await Record("full.capture");
        var part = Directory.GetFiles(_folder["full.capture"], "accesses-*.parquet")[0];
        var bytes = await File.ReadAllBytesAsync(part, TestContext.Current.CancellationToken);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(part, bytes, TestContext.Current.CancellationToken);
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["full.capture"], "-o", _folder["d.db"], "-q");
        Assert.Equal(ExitCode.BadInput, exitCode);
        Assert.Contains("accesses-00000.parquet", error, StringComparison.Ordinal);
    }

    private async Task Record(string name, params string[] options)
    {
        var (exitCode, _, error) = await CommandRunner.Run(
            ["record", "synthetic", "--workload", "page-table-churn", "--max-accesses", "40000", "-o", _folder[name], "-q", .. options]);
        Assert.True(exitCode == ExitCode.Done, error);
    }

    private async Task<string[]> Hashes(string capture, params string[] options)
    {
        var (exitCode, text, error) = await CommandRunner.Run(
            ["verify", _folder[capture], "-m", "ept", "-m", "ept-tdp", "-m", "npt", "-m", "npt-tdp", "--json", "-q", .. options]);
        Assert.True(exitCode == ExitCode.Done, error);
        using var json = JsonDocument.Parse(text);
        return [.. json.RootElement.EnumerateArray().Select(run => run.GetProperty("historyHash").GetString()!)];
    }
}
