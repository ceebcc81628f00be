using System.Globalization;
using System.Text;

namespace Replay.Cli.Tests.Ftrace;

/// <summary>Binary traces, which the tool that recorded them makes text of. A shell script stands for the tool.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ConvertedImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string? _path = Environment.GetEnvironmentVariable("PATH");

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", _path);
        _folder.Dispose();
    }

    [Theory]
    [InlineData("trace-cmd", "trace.dat", "report -N -i")]
    [InlineData("perf", "perf.data", "script --show-lost-events --force -i")]
    public async Task A_binary_trace_is_read_through_its_tool_and_the_command_is_shown(string tool, string file, string arguments)
    {
        Prepare(tool, file, RealTrace.Stock(RealTrace.Text("amd-npt-lm2m.thp")), failsAt: 0);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder[file], "-o", _folder["t.capture"], "--db", _folder["t.db"]);
        Assert.True(exitCode == ExitCode.Done, error);
        Assert.Contains($"read through '{tool} {arguments} {_folder[file]}'", error, StringComparison.Ordinal);
        Assert.Contains("trace and model agree", error, StringComparison.Ordinal);
    }

    /// <summary>The text is made anew for each reading: to look at it and for its rows, for the capture, for what fills it in.</summary>
    [Theory]
    [InlineData("the rows of a long trace", 1, true)]
    [InlineData("the capture", 2, false)]
    [InlineData("what fills it in", 3, false)]
    public async Task A_tool_that_fails_at_any_reading_leaves_no_database_and_no_capture(string reading, int call, bool isLong)
    {
        Assert.NotEmpty(reading);
        var text = RealTrace.Stock(RealTrace.Text("amd-npt-lm2m.thp"));
        if (isLong)
            text += string.Concat(Enumerable.Range(1, 130_000).Select(i => string.Create(CultureInfo.InvariantCulture, $"             vmm-900    [000] .....    {9_000_000 + i}: kvm_msr: msr_write c0000103 = 0x{i:x16} (an event that moves no table, for its length)\n")));
        Prepare("trace-cmd", "trace.dat", text, call);
        var (exitCode, _, error) = await CommandRunner.Run("import", "ftrace", _folder["trace.dat"], "-o", _folder["t.capture"], "--db", _folder["t.db"]);
        Assert.True(exitCode == ExitCode.BadInput, $"{exitCode}: {error}");
        Assert.Contains("failed behind", error, StringComparison.Ordinal);
        Assert.Contains("gave up", error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_folder["t.capture"]));
        Assert.False(Path.Exists(_folder["t.db"]));
    }

    private void Prepare(string tool, string file, string text, int failsAt)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "a shell script stands for the tool");
        Directory.CreateDirectory(_folder["bin"]);
        byte[] magic = tool == "perf" ? [.. "PERFILE2"u8] : [0x17, 0x08, 0x44, .. "tracing"u8];
        File.WriteAllBytes(_folder[file], magic);
        File.WriteAllText(_folder["text"], text, Encoding.Latin1);
        File.WriteAllText(
            _folder[$"bin/{tool}"],
            $"""
            #!/bin/sh
            echo >> '{_folder["calls"]}'
            calls=$(wc -l < '{_folder["calls"]}')
            cat '{_folder["text"]}'
            [ "$calls" -ne {failsAt} ] || exec sh -c 'echo gave up >&2; exit 3'

            """);
        File.SetUnixFileMode(_folder[$"bin/{tool}"], UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        Environment.SetEnvironmentVariable("PATH", $"{_folder["bin"]}:{_path}");
    }
}
