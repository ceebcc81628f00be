using System.Runtime.CompilerServices;

namespace Replay.Architecture.Tests;

internal static class RepositoryRoot
{
    /// <summary>The folder that holds Replay.sln.</summary>
    public static string Path { get; } = Find();

    private static string Find([CallerFilePath] string here = "")
    {
        // A deterministic build maps source paths to /_/; the tests run from below the root in both cases.
        foreach (var start in new[] { System.IO.Path.GetDirectoryName(here), AppContext.BaseDirectory })
        {
            for (var folder = start; folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
            {
                if (File.Exists(System.IO.Path.Combine(folder, "Replay.sln")))
                    return folder;
            }
        }

        throw new InvalidOperationException("Replay.sln was not found above the tests.");
    }
}
