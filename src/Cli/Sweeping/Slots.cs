using System.Diagnostics;
using System.Globalization;
using Replay.Cli.Terminal;

namespace Replay.Cli.Sweeping;

/// <summary>Runs tasks here, each in a process of its own, so many at a time.</summary>
internal static class Slots
{
    /// <returns>Tasks that failed.</returns>
    public static async Task<int> Run(SweepFolder folder, IReadOnlyList<SweepTask> tasks, int slots, Action<int, int, int> progress, CancellationToken cancellation)
    {
        var (done, failed) = (0, 0);
        var gate = new Lock();
        progress(0, 0, tasks.Count);
        await Parallel.ForEachAsync(tasks, new ParallelOptions { MaxDegreeOfParallelism = slots, CancellationToken = cancellation }, async (task, stop) =>
        {
            var isGood = await Run(folder, task, stop).ConfigureAwait(false);
            lock (gate)
            {
                done += isGood ? 1 : 0;
                failed += isGood ? 0 : 1;
                progress(done, failed, tasks.Count);
            }
        }).ConfigureAwait(false);
        return failed;
    }

    private static async Task<bool> Run(SweepFolder folder, SweepTask task, CancellationToken cancellation)
    {
        var isHost = Path.GetFileNameWithoutExtension(Environment.ProcessPath) is "dotnet" || Path.GetFileName(Environment.ProcessPath) is not ("replay" or "replay.exe");
        var start = new ProcessStartInfo(isHost ? "dotnet" : Environment.ProcessPath!) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (var argument in (string[])[.. isHost ? (string[])[typeof(Slots).Assembly.Location] : [], "sweep", "task", task.Number.ToString(CultureInfo.InvariantCulture), "--to", folder.Directory])
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (error, output) = (process.StandardError.ReadToEndAsync(CancellationToken.None), process.StandardOutput.ReadToEndAsync(CancellationToken.None));
        try
        {
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
            await Task.WhenAll(error, output).ConfigureAwait(false);
            if (process.ExitCode != 0 && folder.StateOf(task) == SweepState.Missing)
                folder.Fail(task, process.ExitCode);
            return process.ExitCode == 0;
        }
        finally
        {
            // What it has done stays: the next one goes on there.
            if (!process.HasExited)
                process.Kill();
        }
    }

    /// <summary>The line shown meanwhile.</summary>
    public static string Line(int done, int failed, int all, TimeSpan time)
    {
        var ended = done + failed;
        var left = ended > 0 ? $", {time.TotalSeconds * (all - ended) / ended:0} s left" : "";
        return $"{Units.Count(ended)} of {Units.Of(all, "task")}{(failed > 0 ? $", {Units.Count(failed)} failed" : "")}{left}";
    }
}
