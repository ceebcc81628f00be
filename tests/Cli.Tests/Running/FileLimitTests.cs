using System.Diagnostics;
using Replay.Cli.Terminal;

namespace Replay.Cli.Tests;

/// <summary>Where nothing can be written, the exit code still says what happened.</summary>
public sealed class FileLimitTests
{
    [Fact]
    public void Words_that_cannot_be_written_are_lost_and_nothing_else()
    {
        using var full = new FullWriter();
        using var error = new MessageWriter(full);
        error.WriteLine("a line");
        error.Write('c');
        error.Write("text".ToCharArray(), 1, 2);
        error.Flush();
        Assert.Equal(ExitCode.InputMissing, Failure.Report(new InputMissingException("x: is not there."), "replay info", error));
        Assert.Equal(["a line", Environment.NewLine, "c", "ex", "flush"], full.Tried[..5]);
    }

    [Theory]
    [InlineData("info /there/is/none", ExitCode.InputMissing, "")]
    [InlineData("info /there/is/none", ExitCode.InputMissing, ">file")]
    [InlineData("--version", ExitCode.InputOutput, ">file")]
    public async Task A_process_without_room_for_a_line_ends_by_its_exit_code(string arguments, int exitCode, string stdout)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "limits on files are set by a shell");
        using var folder = new TemporaryFolder();
        // With W^X the runtime itself needs a file of some size, in memory.
        var script = $"ulimit -f 0; trap '' XFSZ; DOTNET_EnableWriteXorExecute=0 exec dotnet '{typeof(CommandLine).Assembly.Location}' {arguments} 2>errors {stdout}";
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", script]) { UseShellExecute = false, WorkingDirectory = folder["."], RedirectStandardOutput = true })!;
        _ = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(exitCode, process.ExitCode);
    }

    private sealed class FullWriter : TextWriter
    {
        public List<string> Tried { get; } = [];

        public override System.Text.Encoding Encoding => System.Text.Encoding.UTF8;

        public override void Write(ReadOnlySpan<char> buffer)
        {
            Tried.Add(buffer.ToString());
            throw new IOException("No space left on device");
        }

        public override void Flush()
        {
            Tried.Add("flush");
#pragma warning disable CA2208 // as .NET reports EFBIG
            throw new ArgumentOutOfRangeException("value");
#pragma warning restore CA2208
        }
    }
}
