namespace Replay.Trace.Tests;

/// <summary>A directory that lives as long as a test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    /// <summary>In memory where the system offers it: captures are flushed to the disk part by part, which tests need not wait for.</summary>
    private const string SharedMemory = "/dev/shm";

    public TemporaryDirectory() => Path = Directory.Exists(SharedMemory)
        ? Directory.CreateDirectory(System.IO.Path.Combine(SharedMemory, $"replay-trace-{Guid.NewGuid():n}")).FullName
        : Directory.CreateTempSubdirectory("replay-trace-").FullName;

    public string Path { get; }

    public string Capture => System.IO.Path.Combine(Path, "x.capture");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
