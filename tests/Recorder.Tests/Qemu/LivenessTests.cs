using System.Diagnostics;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public sealed class LivenessTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("replay-test-").FullName;

    private string Capture => Path.Combine(_directory, "x.capture");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_killed_recorder_leaves_a_readable_capture_and_no_QEMU()
    {
        Needs.Qemu();
        using var host = new HostProcess(Capture);
        host.WaitUntilRecording();
        Assert.NotNull(host.Qemu);

        host.Kill();

        host.AssertQemuLeaves();
        Assert.Empty(host.Leftovers);
        var (manifest, accesses) = Read();
        Assert.False(manifest.Complete);
        Assert.True(accesses >= 65536);
    }

    [Fact]
    public void A_killed_QEMU_leaves_a_capture_that_says_so()
    {
        Needs.Qemu();
        using var host = new HostProcess(Capture);
        host.WaitUntilRecording();

        HostProcess.Signal(host.Qemu!.Value, "KILL");

        Assert.Equal((0, QemuEndReason.Killed), host.WaitForExit());
        var (manifest, accesses) = Read();
        Assert.Equal((false, QemuEndReason.Killed), (manifest.Complete, manifest.EndReason));
        Assert.True(accesses >= 65536);
    }

    [Fact]
    public void A_QEMU_that_is_told_to_leave_completes_the_capture()
    {
        Needs.Qemu();
        using var host = new HostProcess(Capture);
        host.WaitUntilRecording();

        HostProcess.Signal(host.Qemu!.Value, "TERM");

        Assert.Equal((0, QemuEndReason.Terminated), host.WaitForExit());
        Assert.True(Read().Manifest.Complete);
    }

    [Fact]
    public void An_interrupt_completes_the_capture()
    {
        Needs.Qemu();
        using var host = new HostProcess(Capture);
        host.WaitUntilRecording();

        host.Interrupt();

        Assert.Equal((0, QemuEndReason.Interrupted), host.WaitForExit());
        host.AssertQemuLeaves();
        var (manifest, accesses) = Read();
        Assert.Equal((true, QemuEndReason.Interrupted), (manifest.Complete, manifest.EndReason));
        Assert.Equal(manifest.Parts.Sum(static part => part.Accesses), accesses);
        Assert.True(manifest.AccessesSeen >= accesses);
    }

    [Fact]
    public void A_stopped_recorder_makes_the_guest_wait_and_goes_on_where_it_was()
    {
        Needs.Qemu();
        using var payload = new Payload("stress");
        var expected = payload.Record(payload.Options());
        using var recorder = QemuRecorder.Start(payload.Options() with { RingWords = 8192 }, TestContext.Current.CancellationToken);
        var sink = new SlowSink();

        var summary = recorder.Record(sink, cancellation: TestContext.Current.CancellationToken);

        Assert.True(summary.Stalls > 0);
        Assert.True(summary.StallTime > TimeSpan.Zero);
        Assert.Equal(expected.Summary.AccessesSeen, summary.AccessesSeen);
        Assert.Equal(expected.Rows.Select(static row => row.Ordinal), sink.Rows.Select(static row => row.Ordinal));
    }

    [Fact]
    public async Task A_guest_that_idles_for_ever_can_be_interrupted()
    {
        Needs.Qemu();
        // Without deterministic clocks, firmware that finds nothing to boot halts for good.
        var options = new QemuRecordingOptions { Arguments = ["-M", "pc", "-m", "64"], Deterministic = false, FilterSlots = 1024 };
        using var recorder = QemuRecorder.Start(options, TestContext.Current.CancellationToken);
        using var interrupt = new CancellationTokenSource();
        var sink = new RowSink();

        var recording = Task.Run(() => recorder.Record(sink, cancellation: interrupt.Token), TestContext.Current.CancellationToken);
        while (sink.Rows.Count == 0 && !recording.IsCompleted)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        // The firmware's search for something to boot, and then the halt.
        await Task.Delay(TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken);
        await interrupt.CancelAsync();
        var summary = await recording.WaitAsync(Hang.Limit, TestContext.Current.CancellationToken);

        Assert.Equal(QemuEndReason.Interrupted, summary.EndReason);
        Assert.NotEmpty(sink.Rows);
    }

    [Fact]
    public void A_sink_that_fails_takes_QEMU_with_it()
    {
        Needs.Qemu();
        using var payload = new Payload("lm4k");
        int qemu;
        using (var recorder = QemuRecorder.Start(payload.Options(), TestContext.Current.CancellationToken))
        {
            qemu = recorder.ProcessId;
            Assert.Throws<IOException>(() => recorder.Record(new FailingSink(), cancellation: TestContext.Current.CancellationToken));
        }

        Assert.Throws<ArgumentException>(() => Process.GetProcessById(qemu));
    }

    private (CaptureManifest Manifest, long Accesses) Read()
    {
        using var reader = CaptureReader.Open(Capture);
        var chunk = new TraceChunk();
        var accesses = 0L;
        while (reader.TryRead(chunk))
            accesses += chunk.AccessCount;
        return (reader.Manifest, accesses);
    }

    private sealed class SlowSink : ITraceSink
    {
        private readonly RowSink _kept = new();

        public IReadOnlyList<Synthetic.Streams.Row> Rows => _kept.Rows;

        public void Write(TraceChunk chunk)
        {
            Thread.Sleep(300);
            _kept.Write(chunk);
        }
    }

    private sealed class FailingSink : ITraceSink
    {
        public void Write(TraceChunk chunk) => throw new IOException("the disk is full");
    }
}
