using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

public sealed class InstallationTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("replay-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("QEMU emulator version 7.2.19 (Debian 1:7.2+dfsg-7+deb12u15)", "is QEMU 7.2.19, too old")]
    [InlineData("bochs 3.0", "does not say that it is QEMU (bochs 3.0)")]
    [InlineData("", "does not say that it is QEMU (it prints nothing)")]
    public void Another_program_or_an_old_QEMU_is_refused_with_what_to_install(string banner, string reason)
    {
        var error = Assert.Throws<RecorderException>(() => QemuInstallation.Find(Program(banner)));

        Assert.Equal((RecorderFailure.ToolMissing, 69), (error.Failure, error.ExitCode));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("apt install -t bookworm-backports qemu-system-x86", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_QEMU_that_is_new_enough_is_taken()
        => Assert.Equal(new Version(10, 1, 2), QemuInstallation.Find(Program("QEMU emulator version 10.1.2 (v10.1.2)")).Version);

    [Fact]
    public void A_missing_QEMU_is_named()
    {
        var error = Assert.Throws<RecorderException>(() => QemuInstallation.Find(Path.Combine(_directory, "nowhere")));

        Assert.Equal(RecorderFailure.ToolMissing, error.Failure);
        Assert.Contains("nowhere cannot be run", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_QEMU_says_when_it_refuses_its_arguments_is_passed_on()
    {
        Needs.Qemu();

        var error = Assert.Throws<RecorderException>(() => QemuRecorder.Start(new QemuRecordingOptions { Arguments = ["-kernel", "/no/such/kernel"] }, TestContext.Current.CancellationToken));

        Assert.Equal(RecorderFailure.SourceFailed, error.Failure);
        Assert.Contains("/no/such/kernel", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private string Program(string banner)
    {
        var path = Path.Combine(_directory, "qemu");
        File.WriteAllText(path, $"#!/bin/sh\necho '{banner}'\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        return path;
    }
}
