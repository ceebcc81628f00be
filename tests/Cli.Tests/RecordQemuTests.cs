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
