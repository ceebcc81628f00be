namespace Replay.Analyzer.Tests;

/// <summary>A directory that goes away with the test; made when first used, so that a test that is killed on purpose leaves none.</summary>
internal sealed class TempDirectory : IDisposable
{
    private string? _path;

    public string File(string name) => Path.Combine(_path ??= Directory.CreateTempSubdirectory("replay-analyzer-").FullName, name);

    public void Dispose()
    {
        if (_path is not null)
            Directory.Delete(_path, recursive: true);
    }
}
