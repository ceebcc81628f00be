using System.Diagnostics;
using System.Text.Json;
using Replay.Cli.Sweeping;

namespace Replay.Cli.Tests;

/// <summary>A matrix of replays: planned, run, killed, doubled, collected.</summary>
public sealed class SweepTests : IDisposable
{
    private const string Plan = """
        [[workload]]
        name = "random"
        seeds = [1, 2]
        max-accesses = 6000
        [matrix]
        mmu = ["ept", "npt", "shadow"]
        host-pages = ["4k", "thp"]
        host = ["", "intel"]
        [[exclude]]
        mmu = "shadow"
        host-pages = "thp"
        [[exclude]]
        host = "int*"
        mmu = "e*"
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_dry_run_says_what_and_how_much_and_makes_nothing()
    {
        await File.WriteAllTextAsync(_folder["plan.toml"], Plan, TestContext.Current.CancellationToken);
        var (exitCode, output, _) = await CommandRunner.Run("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--dry-run", "--json");
        Assert.Equal(ExitCode.Done, exitCode);
        var said = JsonDocument.Parse(output).RootElement;
        // Of 24: npt runs on no Intel (4), shadow on huge pages (4) and ept on a named host (4) are left out.
        Assert.Equal((12, 12, 8, 4, 72000), (Number("tasks"), Number("left"), Number("excluded"), Number("impossible"), Number("accesses")));
        Assert.False(Directory.Exists(_folder["sweep"]));

        int Number(string name) => said.GetProperty(name).GetInt32();
    }

    [Theory]
    [InlineData("mmu = [\"ept\"]", "mmu is nothing that a plan has")]
    [InlineData("captures = [\"*.capture\"]", "nothing is like *.capture")]
    [InlineData("[matrix]\nmmu = [\"tdp\"]", "no task")]
    [InlineData("[[workload]]\nname = \"random\"\n[matrix]\nmmu = [\"tdp\"]", "there is no tdp: choose from ept")]
    [InlineData("[[workload]]\nname = \"radnom\"", "there is no radnom")]
    [InlineData("[matrix", "plan.toml")]
    [InlineData("[[workload]]\nname = \"rad\\nom\"", "there is no rad om")]
    [InlineData("detail = \"\\u000", "plan.toml")]
    public async Task A_wrong_plan_is_told_in_a_line(string plan, string why)
    {
        await File.WriteAllTextAsync(_folder["plan.toml"], plan, TestContext.Current.CancellationToken);
        var (exitCode, _, error) = await CommandRunner.Run("sweep", _folder["plan.toml"], "--to", _folder["sweep"]);
        Assert.Contains(exitCode, (int[])[ExitCode.Usage, ExitCode.InputMissing]);
        Assert.Contains(why, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_sweep_run_here_gives_a_table_and_a_page_and_is_not_run_again()
    {
        await Write(Plan.Replace("seeds = [1, 2]", "seeds = [1]", StringComparison.Ordinal));
        await Succeeds("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--slots", "2", "-q");
        await Succeeds("sweep", "status", _folder["sweep"]);
        await Succeeds("sweep", "collect", _folder["sweep"]);
        var folder = SweepFolder.Open(_folder["sweep"]);
        Assert.Equal(6, folder.All.Count);
        Assert.Equal(1 + 6, File.ReadAllLines(_folder["sweep/results.csv"]).Length);
        Assert.Equal(6, JsonDocument.Parse(File.ReadAllText(_folder["sweep/results.json"])).RootElement.GetArrayLength());
        Assert.All(folder.All, task => Assert.True(folder.Result(task)!.Counters["table_writes"] > 0 && folder.Result(task)!.Cost > 0));
        var page = await File.ReadAllTextAsync(_folder["sweep/report.html"], TestContext.Current.CancellationToken);
        Assert.Contains("<svg", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder["sweep/work"]));
        var (_, _, error) = await CommandRunner.Run("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--dry-run");
        Assert.Contains("0 left", error, StringComparison.Ordinal);

        // One growing plan: what is done stays done.
        await Write(Plan);
        (_, _, error) = await CommandRunner.Run("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--dry-run");
        Assert.Contains("12 tasks", error, StringComparison.Ordinal);
        Assert.Contains("6 left", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_that_is_killed_doubled_and_repeated_has_one_answer_and_its_history_once()
    {
        await Write("detail = \"all\"\n[[workload]]\nname = \"random\"\nmax-accesses = 200000\n[matrix]\nmmu = \"shadow\"");
        await Succeeds("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--for", "slurm");
        var folder = SweepFolder.Open(_folder["sweep"]);
        using (var killed = Start())
        {
            while (!killed.HasExited && !Directory.EnumerateFiles(_folder["sweep"], "history.db.partial", SearchOption.AllDirectories).Any())
                await Task.Delay(5, TestContext.Current.CancellationToken);
            killed.Kill();
            await killed.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(SweepState.Missing, folder.StateOf(folder.All[0]));
        using (var first = Start())
        using (var second = Start())
        {
            await first.WaitForExitAsync(TestContext.Current.CancellationToken);
            await second.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal((0, 0), (first.ExitCode, second.ExitCode));
        }

        var result = await File.ReadAllBytesAsync(folder.ResultOf(folder.All[0]), TestContext.Current.CancellationToken);
        await Succeeds("sweep", "task", "0", "--to", _folder["sweep"]);
        Assert.Equal(result, await File.ReadAllBytesAsync(folder.ResultOf(folder.All[0]), TestContext.Current.CancellationToken));
        var (exitCode, output, error) = await CommandRunner.Run("query", _folder["sweep/histories"], "SELECT count(*) AS n, (SELECT history_hash FROM run) AS hash FROM table_write", "--format", "csv");
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Equal($"n,hash\n{folder.Result(folder.All[0])!.Counters["table_writes"]},{folder.Result(folder.All[0])!.HistoryHash}\n", output);
    }

    /// <summary>Strictly: a field that Kubernetes' own types do not have is an error.</summary>
    [Fact]
    public async Task What_Kubernetes_gets_is_a_job_of_its_types_with_an_index_for_each_task()
    {
        await Write(Plan);
        await Succeeds("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--for", "kubernetes", "--slots", "5");
        var job = k8s.KubernetesYaml.Deserialize<k8s.Models.V1Job>(await File.ReadAllTextAsync(_folder["sweep/sweep-job.yaml"], TestContext.Current.CancellationToken), strict: true);
        Assert.Equal(("batch/v1", "Job", "Indexed", 12, 5), (job.ApiVersion, job.Kind, job.Spec.CompletionMode, (int)job.Spec.Completions!, (int)job.Spec.Parallelism!));
        Assert.Equal(["replay", "sweep", "task", "$(JOB_COMPLETION_INDEX)", "--to", "/sweep"], Assert.Single(job.Spec.Template.Spec.Containers).Command);
        Assert.Equal("/sweep", Assert.Single(job.Spec.Template.Spec.Containers[0].VolumeMounts).MountPath);
        Assert.True(File.Exists(_folder["sweep/Containerfile"]));
    }

    [Fact]
    public async Task A_task_that_fails_is_told_with_the_end_of_its_log_and_can_be_run_again()
    {
        await Succeeds("record", "synthetic", "-w", "random", "--max-accesses", "5000", "-o", _folder["x.capture"], "-q");
        await Write("captures = [\"x.capture\"]");
        await Succeeds("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "--for", "parallel");
        Directory.Move(_folder["x.capture"], _folder["y.capture"]);
        Assert.Equal(ExitCode.InputMissing, (await CommandRunner.Run("sweep", "task", "0", "--to", _folder["sweep"])).ExitCode);
        var (exitCode, output, _) = await CommandRunner.Run("sweep", "status", _folder["sweep"]);
        Assert.Equal(ExitCode.Different, exitCode);
        Assert.Contains("1 failed", output, StringComparison.Ordinal);
        Assert.Contains("no such capture", output, StringComparison.Ordinal);
        Directory.Move(_folder["y.capture"], _folder["x.capture"]);
        await Succeeds("sweep", "task", "0", "--to", _folder["sweep"]);
        await Succeeds("sweep", "status", _folder["sweep"]);
    }

    [Fact]
    public async Task Keys_say_what_decides_about_the_answer_and_nothing_else()
    {
        await Succeeds("record", "synthetic", "-w", "random", "--max-accesses", "5000", "-o", _folder["x.capture"], "-q");
        var plan = "captures = [\"x.capture\"]";
        var before = Key();
        Directory.Move(_folder["x.capture"], _folder["z.capture"]);
        plan = plan.Replace("x.capture", "*.capture", StringComparison.Ordinal);
        Assert.Equal(before, Key());
        plan += "\ndetail = \"all\"";
        Assert.NotEqual(before, Key());

        string Key()
        {
            File.WriteAllText(_folder["plan.toml"], plan);
            return Assert.Single(SweepPlan.Read(_folder["plan.toml"]).Tasks()).Key;
        }
    }

    [Theory]
    [InlineData("sweep.json", "{", "replay sweep PLAN")]
    [InlineData("sweep.json", "{\"detail\":\"all\",\"tasks\":[null]}", "replay sweep PLAN")]
    [InlineData("sweep.json", "{\"detail\":\"all\"}", "replay sweep PLAN")]
    [InlineData("tasks/KEY.json", "", "Remove it")]
    [InlineData("tasks/KEY.json", "{\"key\":\"x\",\"historyHash\":\"y\",\"counters\":null}", "Remove it")]
    [InlineData("tasks/KEY.json", "{\"key\":\"x\",\"historyHash\":\"y\",\"counters\":{},\"seconds\":1e999}", "Remove it")]
    [InlineData("tasks/KEY.json", "{\"key\":\"x\",\"historyHash\":\"y\",\"counters\":{\"cost\":1}}", "Remove it")]
    public async Task A_damaged_file_of_the_folder_is_told_in_a_line_with_what_helps(string file, string content, string remedy)
    {
        await Write("[[workload]]\nname = \"random\"\nmax-accesses = 100\n[matrix]\nmmu = [\"ept\"]");
        await Succeeds("sweep", _folder["plan.toml"], "--to", _folder["sweep"], "-q");
        var key = Assert.Single(SweepFolder.Open(_folder["sweep"]).All).Key;
        var path = Path.Combine(_folder["sweep"], file.Replace("KEY", key, StringComparison.Ordinal));
        await File.WriteAllTextAsync(path, content, TestContext.Current.CancellationToken);
        var (exitCode, _, error) = await CommandRunner.Run("sweep", "collect", _folder["sweep"]);
        Assert.Equal(ExitCode.BadInput, exitCode);
        Assert.Contains(path, error, StringComparison.Ordinal);
        Assert.Contains(remedy, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private Process Start() =>
        Process.Start(new ProcessStartInfo("dotnet", [typeof(ExitCode).Assembly.Location, "sweep", "task", "0", "--to", _folder["sweep"]]) { UseShellExecute = false })!;

    private Task Write(string plan) => File.WriteAllTextAsync(_folder["plan.toml"], plan, TestContext.Current.CancellationToken);

    private static async Task Succeeds(params string[] arguments)
    {
        var (exitCode, _, error) = await CommandRunner.Run(arguments);
        Assert.True(exitCode == ExitCode.Done, error);
    }
}
