using System.Text.RegularExpressions;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

public partial class PluginTests
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

    [Fact]
    public void Its_files_call_only_files_above_them_in_the_list_of_the_header()
    {
        var header = PluginBuilder.Sources["recorder.h"];
        var sections = Sections().Matches(header)
            .Select(static match => (File: match.Groups["file"].Value, Functions: Declarations().Matches(match.Groups["text"].Value).Select(static name => name.Groups["name"].Value).ToList()))
            .ToList();
        Assert.True(sections.Count >= 10, $"{sections.Count} files are listed");

        foreach (var (file, index) in sections.Select(static (section, index) => (section.File, index)))
        {
            foreach (var below in sections.Skip(index + 1))
                Assert.All(below.Functions, name => Assert.DoesNotMatch($@"\b{name}\b", PluginBuilder.Sources[file]));
        }
    }

    [GeneratedRegex(@"/\* (?<file>\w+\.c)\b(?<text>.*?)(?=/\* \w+\.c\b|\z)", RegexOptions.Singleline)]
    private static partial Regex Sections();

    [GeneratedRegex(@"^(?!enum)[\w ]+[ *](?<name>\w+)(?:\(|;)", RegexOptions.Multiline)]
    private static partial Regex Declarations();
}
