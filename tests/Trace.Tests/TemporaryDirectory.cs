namespace Replay.Trace.Tests;

/// <summary>A directory that lives as long as a test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("replay-trace-").FullName;

    public string Path { get; }

    public string Capture => System.IO.Path.Combine(Path, "x.capture");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
