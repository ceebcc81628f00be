namespace Replay.Analyzer.Tests;

/// <summary>Expected outputs as files: <c>UPDATE_GOLDEN=1</c> writes them, anything else compares.</summary>
internal static class Golden
{
    /// <summary>Write them instead of comparing with them.</summary>
    public static bool Updates => Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1";

    public static void Equal(string name, string actual)
    {
        var path = Repository.PathOf("tests", "Analyzer.Tests", "Golden", name);
        if (Updates)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
            return;
        }

        Assert.True(File.Exists(path), $"{path} is missing. Make it with UPDATE_GOLDEN=1 and read it.");
        Assert.Equal(File.ReadAllText(path), actual, ignoreLineEndingDifferences: true);
    }
}
