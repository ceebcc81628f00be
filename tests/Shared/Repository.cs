namespace Replay.Tests;

/// <summary>The working tree that the tests were built from, and files in it.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of the tree.</summary>
    public static string PathOf(params string[] path) => Path.Combine([Root, .. path]);

    /// <summary>A file or folder of <c>tests/data</c>.</summary>
    public static string Data(params string[] path) => Path.Combine([Root, "tests", "data", .. path]);

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Replay.sln")))
                return folder;
        }

        throw new DirectoryNotFoundException("no Replay.sln above the tests");
    }
}
