using System.Diagnostics;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>A recorder in a process of its own, with an endless guest: firmware that finds nothing to boot and starts over.</summary>
internal sealed class HostProcess : IDisposable
{
    private readonly Process _process;
    private readonly string _tag = $"replay-test-{Guid.NewGuid():n}";

    public HostProcess(string capture)
    {
        var host = Path.Combine(AppContext.BaseDirectory, "Replay.Recorder.Host.dll");
        string[] guest = ["-M", "pc", "-m", "64", "-boot", "reboot-timeout=1", "-name", _tag];
        _process = Process.Start(new ProcessStartInfo("dotnet", ["exec", host, capture, "65536", .. guest])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
    }

    /// <summary>The QEMU that records, or null where there is none.</summary>
    public int? Qemu
        => Directory.EnumerateDirectories("/proc")
            .Select(static directory => int.TryParse(Path.GetFileName(directory), out var id) ? id : 0)
            .Where(id => id > 0 && id != _process.Id && CommandLine(id).Contains(_tag, StringComparison.Ordinal))
            .Cast<int?>()
            .FirstOrDefault();

    /// <summary>What the recording left in shared memory.</summary>
    public string[] Leftovers => Directory.GetDirectories("/dev/shm", $"replay-{_process.Id}-*");

    public void WaitUntilRecording() => Assert.Equal("recording", _process.StandardOutput.ReadLineAsync().WaitAsync(Hang.Limit).GetAwaiter().GetResult());

    public void Kill() => _process.Kill();

    public void Interrupt() => Signal(_process.Id, "INT");

    public static void Signal(int process, string signal)
    {
        using var kill = Process.Start(new ProcessStartInfo("sh", ["-c", $"kill -{signal} {process}"]) { UseShellExecute = false })!;
        kill.WaitForExit();
    }

    /// <summary>Waits for the recorder and returns its exit code and last word.</summary>
    public (int ExitCode, string Said) WaitForExit()
    {
        Assert.True(_process.WaitForExit(Hang.Limit), "the recorder hangs");
        return (_process.ExitCode, _process.StandardOutput.ReadToEnd().Trim());
    }

    public void AssertQemuLeaves()
    {
        var since = Stopwatch.GetTimestamp();
        while (Qemu is not null && Stopwatch.GetElapsedTime(since) < Hang.Limit)
            Thread.Sleep(50);
        Assert.Null(Qemu);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        if (Qemu is { } stray)
            Signal(stray, "KILL");
        _process.Dispose();
    }

    private static string CommandLine(int id)
    {
        try
        {
            // A killed process that nobody has waited for has none.
            return File.ReadAllText($"/proc/{id}/cmdline");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
