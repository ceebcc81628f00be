using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>What a test needs of the machine. Missing, the test is skipped on a developer's machine and fails in CI.</summary>
internal static class Needs
{
    public static void Compiler()
    {
        try
        {
            PluginBuilder.Build();
        }
        catch (RecorderException error) when (error.Failure == RecorderFailure.ToolMissing)
        {
            SkipUnlessInCi(error.Message);
        }
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
}
