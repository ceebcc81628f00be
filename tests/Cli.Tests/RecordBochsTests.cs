namespace Replay.Cli.Tests;

/// <summary><c>record bochs</c> says what is wrong in one line.</summary>
public sealed class RecordBochsTests : IDisposable
{
    private static readonly string Guest = Repository.Data("payloads", "nvmx0.elf");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public Task Nothing_to_run_is_told() => Refused(ExitCode.Usage, "nothing to run: name a kernel, a disk or a CD");

    [Fact]
    public Task Two_things_to_run_are_told() => Refused(ExitCode.Usage, "only one of them", Guest, "--disk", Guest);

    [Fact]
    public Task A_kernel_that_is_not_there_is_told() => Refused(ExitCode.InputMissing, "gone.elf: no such file", "gone.elf");

    [Fact]
    public Task A_missing_Bochs_is_told_with_what_to_install() => Refused(ExitCode.Unavailable, "apt install bochs bochs-sdl bochsbios vgabios", Guest, "--bochs", "/nowhere/bochs");

    [Fact]
    public Task An_address_is_physical() => Refused(ExitCode.Usage, "--start-at gva:0x1000: write gpa:0x...", Guest, "--start-at", "gva:0x1000");

    private async Task Refused(int exitCode, string message, params string[] arguments)
    {
        var (code, _, error) = await CommandRunner.Run(["record", "bochs", "-o", _folder["x.capture"], .. arguments]);
        Assert.Equal(exitCode, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["x.capture"]));
    }
}
