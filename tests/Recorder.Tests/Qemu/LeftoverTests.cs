using System.Diagnostics;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>What killed recorders leave is swept by the next of the same user; what others have or may change is left, and not loaded.</summary>
public sealed class LeftoverTests : IDisposable
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly string _directory = Directory.CreateTempSubdirectory("replay-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Directories_of_dead_recorders_go_and_all_others_stay()
    {
        Skip();
        var dead = Make("replay-123-abcdefgh", withLock: true);
        var unborn = Make("replay-124-abcdefgh", withLock: false);
        Directory.SetLastWriteTimeUtc(unborn, DateTime.UtcNow.AddHours(-1));
        var beginning = Make("replay-125-abcdefgh", withLock: false);
        var living = Make("replay-126-abcdefgh", withLock: true);
        var open = Make("replay-127-abcdefgh", withLock: true);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(open, Private | UnixFileMode.OtherWrite);
        var named = Make("replay-notes", withLock: true);
        using (new FileStream(Path.Combine(living, "owner"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            PrivateDirectory.Sweep(_directory);
        Assert.Equal([beginning, living, open, named], Directory.GetDirectories(_directory).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(dead, Directory.GetDirectories(_directory));
    }

    [Fact]
    public void A_plugin_that_others_could_have_placed_is_not_loaded()
    {
        Skip();
        if (!HasCompiler())
        {
            Assert.False(Environment.GetEnvironmentVariable("CI") == "true", "there is no C compiler");
            Assert.Skip("there is no C compiler");
        }

        var library = PluginBuilder.Build(_directory);
        Assert.Equal(library, PluginBuilder.Build(_directory));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path.GetDirectoryName(library)!, Private | UnixFileMode.GroupWrite);
        var refusal = Assert.Throws<RecorderException>(() => PluginBuilder.Build(_directory));
        Assert.Contains("others can change it", refusal.Message, StringComparison.Ordinal);
    }

    private static void Skip()
    {
        if (OperatingSystem.IsWindows())
            Assert.Skip("record qemu runs on Linux only");
    }

    private static bool HasCompiler()
    {
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("cc", ["--version"]) { RedirectStandardOutput = true, UseShellExecute = false });
            compiler?.WaitForExit();
            return compiler is not null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    private string Make(string name, bool withLock)
    {
        var path = Path.Combine(_directory, name);
        PrivateDirectory.Make(path);
        if (withLock)
            File.WriteAllText(Path.Combine(path, "owner"), "");
        return path;
    }
}
