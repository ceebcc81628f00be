using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

public class PluginTests
{
    [Fact]
    public void The_plugin_compiles_without_a_warning()
    {
        Needs.Compiler();
        var directory = Directory.CreateTempSubdirectory("replay-test-").FullName;
        try
        {
            PluginBuilder.Compile(directory, Path.Combine(directory, "plugin.so"), ["-Werror", "-Wshadow", "-Wstrict-prototypes"]);

            Assert.True(File.Exists(Path.Combine(directory, "plugin.so")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void It_is_built_once_into_a_directory_that_only_the_user_can_write()
    {
        Needs.Compiler();
        var cache = Directory.CreateTempSubdirectory("replay-test-").FullName;
        try
        {
            var library = PluginBuilder.Build(cache);
            var built = File.GetLastWriteTimeUtc(library);

            Assert.Equal(library, PluginBuilder.Build(cache));
            Assert.Equal(built, File.GetLastWriteTimeUtc(library));
            Assert.Equal([Path.GetDirectoryName(library)], Directory.GetFileSystemEntries(cache));
            if (!OperatingSystem.IsWindows())
                Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(library)!));
        }
        finally
        {
            Directory.Delete(cache, recursive: true);
        }
    }

    [Fact]
    public void Its_files_carry_their_licence_and_stay_short()
        => Assert.All(PluginBuilder.Sources, static source =>
        {
            Assert.StartsWith("/* SPDX-License-Identifier: GPL-2.0-or-later */", source.Value, StringComparison.Ordinal);
            Assert.True(source.Value.Split('\n').Length < 400, $"{source.Key} is too long");
        });
}
