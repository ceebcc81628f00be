namespace Replay.Trace.Tests;

/// <summary>Files of the repository that tests hold against the code.</summary>
internal static class RepositoryFile
{
    public static string Read(string path) => File.ReadAllText(PathOf(path));

    public static string PathOf(string path)
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Replay.sln")))
                return Path.Combine(directory, path);
        }
        throw new DirectoryNotFoundException("No Replay.sln above the tests.");
    }
}
