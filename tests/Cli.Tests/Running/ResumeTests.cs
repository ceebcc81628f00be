using System.Diagnostics;
using Replay.Analyzer.Store;
using Replay.Cli.Replaying;
using Replay.Replayer;

namespace Replay.Cli.Tests;

/// <summary>A replay that is killed, however often and wherever, and resumed, leaves the database of one that ran through.</summary>
public sealed class ResumeTests : IDisposable
{
    private const int Kills = 5;
    private const int Tries = 10;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("random", 1)]
    [InlineData("fork-storm", 2)]
    public async Task Killed_again_and_again_and_resumed_gives_the_same_rows_and_hashes(string workload, int seed)
    {
        await Record(workload, 150_000);
        string[] modes = ["--mmu", "ept", "--mmu", "shadow", "--mmu", "npt-tdp"];
        await Succeeds(["run", _folder["x.capture"], "-o", _folder["whole.db"], "-q", "--checkpoint", "0", .. modes]);

        var random = new Random(seed);
        var enough = RunAndKill(Timeout.InfiniteTimeSpan, modes).Took;
        var resumed = 0;
        // On a busy machine the killer may come when all is over; then once more.
        for (var tries = 0; resumed == 0 && tries < Tries; tries++)
        {
            foreach (var file in Directory.GetFiles(_folder[""], "parts.db*"))
                File.Delete(file);
            resumed = KillUntilItEnds(modes, enough, random);
            Assert.Equal(Dump("whole.db"), Dump("parts.db"));
            Assert.Equal([_folder["parts.db"]], Directory.GetFiles(_folder[""], "parts.db*"));
        }

        Assert.True(resumed > 0, "it was over before it could be killed at a checkpoint");
    }

    [Fact]
    public async Task Interrupted_it_stops_at_a_checkpoint()
    {
        await Record("random", 400_000);
        await Succeeds("run", _folder["x.capture"], "-o", _folder["whole.db"], "-q");
        Interrupt();

        var error = await Succeeds("run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--resume");
        Assert.Contains("goes on behind ordinal", error, StringComparison.Ordinal);
        Assert.Equal(Dump("whole.db"), Dump("parts.db"));
    }

    [Fact]
    public async Task Nothing_is_done_twice_and_what_is_not_there_is_begun()
    {
        await Record("demand-paging", 50_000);
        await Succeeds("run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--resume");
        var before = Dump("parts.db");
        var error = await Succeeds("run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--resume");
        Assert.Contains("nothing to resume", error, StringComparison.Ordinal);
        Assert.Equal(before, Dump("parts.db"));
    }

    [Theory]
    [InlineData("--mmu", "npt")]
    [InlineData("--max-rows", "1000")]
    [InlineData("--detail", "leaf")]
    public async Task Another_mode_or_option_than_that_of_the_unfinished_run_is_refused(string option, string value)
    {
        await Record("random", 400_000);
        Interrupt();
        var (exitCode, _, error) = await CommandRunner.Run("run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--resume", option, value);
        Assert.NotEqual(ExitCode.Done, exitCode);
        Assert.Contains("unfinished", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_checkpoint_means_from_the_beginning_not_a_wrong_history()
    {
        await Record("random", 400_000);
        await Succeeds("run", _folder["x.capture"], "-o", _folder["whole.db"], "-q");
        Interrupt();

        var checkpoint = Assert.Single(Directory.GetFiles(_folder[""], "parts.db.partial.checkpoint-*"));
        var bytes = File.ReadAllBytes(checkpoint);
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(checkpoint, bytes);
        var error = await Succeeds("run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--resume");
        Assert.Contains("starts anew", error, StringComparison.Ordinal);
        Assert.Equal(Dump("whole.db"), Dump("parts.db"));
    }

    /// <returns>How often it went on from a checkpoint.</returns>
    private int KillUntilItEnds(string[] modes, TimeSpan enough, Random random)
    {
        var resumed = 0;
        for (var kills = 0; ; kills++)
        {
            // By turns at any time, and soon after a new checkpoint.
            var (ended, error, _) = kills == Kills ? RunAndKill(Timeout.InfiniteTimeSpan, modes)
                : kills % 3 == 2
                    ? RunAndKill(enough * random.NextDouble(), modes)
                    : RunAndKill(enough * 0.1 * random.NextDouble(), modes, sinceCheckpoint: true);
            resumed += error.Contains("goes on behind ordinal", StringComparison.Ordinal) ? 1 : 0;
            if (ended)
                return resumed;
        }
    }

    private static async Task<string> Succeeds(params string[] args)
    {
        var (exitCode, _, error) = await CommandRunner.Run(args);
        Assert.True(exitCode == ExitCode.Done, error);
        return error;
    }

    private Task<string> Record(string workload, int accesses) =>
        Succeeds("record", "synthetic", "--workload", workload, "--max-accesses", $"{accesses}", "-o", _folder["x.capture"]);

    /// <summary>As Ctrl-C does, after the first chunk.</summary>
    private void Interrupt()
    {
        using var interrupted = new CancellationTokenSource();
        var plan = new ReplayPlan { Capture = _folder["x.capture"], Modes = [MmuMode.Ept] };
        using var file = HistoryFile.Create(_folder["parts.db"]);
        Assert.Throws<OperationCanceledException>(() => StoredReplay.Run(
            plan, file, StoreOptions.Default, CheckpointPlan.None, _ => { }, (_, _) => interrupted.Cancel(), interrupted.Token));
    }

    /// <summary>Runs the program for so long, then kills it with SIGKILL.</summary>
    private (bool Ended, string Error, TimeSpan Took) RunAndKill(TimeSpan after, string[] modes, bool sinceCheckpoint = false)
    {
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])
            [typeof(ExitCode).Assembly.Location, "run", _folder["x.capture"], "-o", _folder["parts.db"], "-q", "--checkpoint", "0.001", .. modes, "--resume"])
        {
            start.ArgumentList.Add(argument);
        }

        var before = Checkpoints();
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        while (sinceCheckpoint && !process.HasExited && Checkpoints().SequenceEqual(before))
            Thread.Sleep(1);
        var ended = process.WaitForExit(after);
        if (!ended)
            process.Kill();
        process.WaitForExit();
        Assert.True(!ended || process.ExitCode == 0, $"exit code {process.ExitCode}: {error.Result}");
        return (ended, error.Result, watch.Elapsed);
    }

    private List<string> Checkpoints() => [.. Directory.GetFiles(_folder[""], "parts.db.partial.checkpoint-*").Order(StringComparer.Ordinal)];

    private List<string> Dump(string name) => DatabaseDump.Of(_folder[name]);
}
