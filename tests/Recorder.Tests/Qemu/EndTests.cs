using System.Diagnostics;
using System.Net.Sockets;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>Why a recording ended, told apart where QEMU's exit code is the same.</summary>
public sealed class EndTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("replay-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>QEMU's own code does just this where it cannot go on (<c>Bad icount read</c>): a line, and exit code 1 from the vCPU's thread.</summary>
    [Fact]
    public void A_QEMU_that_gives_up_by_itself_is_no_guest_that_ended()
    {
        Needs.Qemu();

        var (summary, rows) = Record("-plugin", PluginThatGivesUp.Compile(_directory));

        Assert.Equal((QemuEndReason.Failed, 1, "Bad icount read"), (summary.EndReason, summary.ExitCode, summary.LastMessage));
        Assert.True(summary.Complete); // what came before is all there
        Assert.Equal(summary.AccessesSeen, rows);
        Assert.True(rows > 1000);
    }

    [Fact]
    public void A_QEMU_that_aborts_takes_the_end_of_the_stream_with_it()
    {
        Needs.Qemu();

        var (summary, _) = Record("-plugin", PluginThatGivesUp.Compile(_directory, "abort()"));

        Assert.Equal((QemuEndReason.Killed, null, false), (summary.EndReason, summary.ExitCode, summary.Complete));
    }

    [Fact]
    public void A_guest_that_writes_0_to_isa_debug_exit_ended_with_the_same_exit_code()
    {
        Needs.Qemu();

        var (summary, _) = Record(["-device", "isa-debug-exit,iobase=0xf4", .. Sector(0xb0, 0x00, 0xe6, 0xf4, 0xf4)]); // mov al, 0; out 0xf4, al; hlt

        Assert.Equal((QemuEndReason.GuestExit, 1), (summary.EndReason, summary.ExitCode));
    }

    [Fact]
    public void A_guest_that_starts_over_where_it_may_not_ended()
    {
        Needs.Qemu();

        var (summary, _) = Record(["-no-reboot", .. Sector(0xb0, 0xfe, 0xe6, 0x64, 0xf4)]); // mov al, 0xfe; out 0x64, al; hlt

        Assert.Equal((QemuEndReason.GuestExit, 0), (summary.EndReason, summary.ExitCode));
    }

    [Fact]
    public async Task A_QEMU_that_its_monitor_tells_to_quit_was_ended_from_outside()
    {
        Needs.Qemu();
        var path = Path.Combine(_directory, "monitor");
        var recording = Task.Run(() => Record("-boot", "reboot-timeout=1", "-monitor", $"unix:{path},server=on,wait=off"), TestContext.Current.CancellationToken);
        using var monitor = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        for (var since = Stopwatch.GetTimestamp(); !monitor.Connected && !recording.IsCompleted && Stopwatch.GetElapsedTime(since) < Hang.Limit;)
        {
            try
            {
                await monitor.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
            }
            catch (SocketException)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        await monitor.SendAsync("quit\n"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal((QemuEndReason.Terminated, 0), ((await recording).Summary.EndReason, (await recording).Summary.ExitCode));
    }

    private static (QemuRecordingSummary Summary, long Rows) Record(params string[] more)
    {
        using var recorder = QemuRecorder.Start(new QemuRecordingOptions { Arguments = ["-M", "pc", "-m", "64", .. more] });
        var sink = new Counter();
        return (recorder.Record(sink, cancellation: TestContext.Current.CancellationToken), sink.Accesses);
    }

    /// <summary>A disk that firmware boots, with <paramref name="code"/> in its first sector.</summary>
    private string[] Sector(params byte[] code)
    {
        var sector = new byte[512];
        code.CopyTo(sector, 0);
        (sector[510], sector[511]) = (0x55, 0xaa);
        var path = Path.Combine(_directory, "disk");
        File.WriteAllBytes(path, sector);
        return ["-drive", $"file={path},format=raw"];
    }

    private sealed class Counter : ITraceSink
    {
        public long Accesses { get; private set; }

        public void Write(TraceChunk chunk) => Accesses += chunk.AccessCount;
    }
}
