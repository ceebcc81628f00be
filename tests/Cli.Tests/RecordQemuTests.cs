namespace Replay.Cli.Tests;

/// <summary>A guest under QEMU recorded by the command line. Without QEMU or a compiler the tests are skipped, in CI they fail.</summary>
public sealed class RecordQemuTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_compact_recording_is_smaller_and_tells_the_same()
    {
        var hasty = await Record("hasty.capture");
        var compact = await Record("compact.capture", "--compact");

        Assert.True(compact * 3 < hasty * 2, $"{compact} bytes compact, {hasty} in haste");
        Assert.Equal(await Summary("hasty.capture"), await Summary("compact.capture"));
    }

    [Fact]
    public async Task A_guest_that_never_comes_to_the_start_leaves_no_silent_nothing()
    {
        var guest = Path.Combine(Root(), "tests", "data", "payloads", "nopg.elf");
        var (exitCode, _, error) = await CommandRunner.Run(
            "record", "qemu", "-o", _folder["x.capture"], "-q", "--start-at", "gpa:0x3f00000", "--",
            "-M", "pc", "-m", "64", "-display", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-kernel", guest);
        if (exitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(error);
        Assert.Contains("the guest never came to --start-at gpa:0x3f00000: nothing was recorded.", error, StringComparison.Ordinal);
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Replay.sln")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    /// <returns>Bytes of the files of accesses.</returns>
    private async Task<long> Record(string name, params string[] options)
    {
        var (exitCode, _, error) = await CommandRunner.Run(
            ["record", "qemu", "-o", _folder[name], "--max-accesses", "3000000", "-q", .. options, "--", "-M", "pc", "-m", "64", "-display", "none"]);
        if (exitCode == ExitCode.Unavailable && Environment.GetEnvironmentVariable("CI") != "true")
            Assert.Skip(error);
        Assert.True(exitCode == ExitCode.Done, error);
        return new DirectoryInfo(_folder[name]).EnumerateFiles("accesses-*").Sum(static file => file.Length);
    }

    private async Task<string> Summary(string name)
    {
        var (exitCode, text, error) = await CommandRunner.Run("verify", _folder[name], "-m", "ept", "-m", "shadow", "-q");
        Assert.True(exitCode == ExitCode.Done, error);
        return text;
    }
}
