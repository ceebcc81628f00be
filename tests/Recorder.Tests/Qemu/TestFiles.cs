using System.Runtime.CompilerServices;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>Files of the repository that tests read.</summary>
internal static class TestFiles
{
    public static string Root { get; } = FindRoot();

    public static string Data(params string[] path) => Path.Combine([Root, "tests", "data", .. path]);

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Replay.sln")))
            directory = directory.Parent;
        return directory?.FullName ?? Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
    }
}
