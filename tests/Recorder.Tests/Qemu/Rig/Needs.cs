using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>What a test needs of the machine. Missing, the test is skipped on a developer's machine and fails in CI.</summary>
internal static class Needs
{
    /// <summary>Why nothing can be compiled; null where it can. Tried anew: a plugin built earlier proves nothing.</summary>
    private static readonly Lazy<string?> NoCompiler = new(TryToCompile);

    public static void Compiler()
    {
        if (NoCompiler.Value is { } why)
            SkipUnlessInCi(why);
    }

    public static void Qemu()
    {
        try
        {
            QemuInstallation.Find(path: null);
        }
        catch (RecorderException error)
        {
            SkipUnlessInCi(error.Message);
        }
        Compiler();
    }

    public static void SkipUnlessInCi(string why)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
            Assert.Fail(why);
        Assert.Skip(why);
    }

    private static string? TryToCompile()
    {
        var directory = Directory.CreateTempSubdirectory("replay-test-");
        try
        {
            PluginBuilder.Build(directory.FullName);
            return null;
        }
        catch (RecorderException error) when (error.Failure == RecorderFailure.ToolMissing)
        {
            return error.Message;
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }
}
