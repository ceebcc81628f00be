using System.Diagnostics;
using Replay.Recorder.Qemu;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>The same QEMU without a plugin.</summary>
internal static class PlainQemu
{
    /// <summary>Runs a guest as a recording would and keeps its RAM.</summary>
    /// <returns>The RAM as it is when the guest ends.</returns>
    public static byte[] FinalMemory(IEnumerable<string> arguments, string file, long bytes)
    {
        string[] more =
        [
            "-object", $"memory-backend-file,id=ram0,size={bytes},share=on,mem-path={file}", "-machine", "memory-backend=ram0",
            "-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm", "-nic", "none", "-seed", "1",
            "-display", "none",
        ];
        using var process = Process.Start(new ProcessStartInfo(QemuInstallation.Find(path: null).Path, [.. arguments, .. more]) { UseShellExecute = false })!;
        try
        {
            Assert.True(process.WaitForExit(Hang.Limit), "the guest does not end");
        }
        finally
        {
            process.Kill();
        }
        return File.ReadAllBytes(file);
    }
}
