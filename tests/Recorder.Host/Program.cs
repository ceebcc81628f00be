using System.Runtime.InteropServices;
using Replay.Recorder;
using Replay.Recorder.Host;
using Replay.Recorder.Qemu;
using Replay.Trace;

// Recorder.Host CAPTURE PART-ACCESSES QEMU-ARGUMENT...: records until the guest ends or SIGINT comes.
// Says "recording" once the first part is durable, and at the end why it ended.
using var interrupted = new CancellationTokenSource();
using var registration = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
{
    context.Cancel = true;
    interrupted.Cancel();
});
var options = new QemuRecordingOptions { Arguments = args[2..] };
var said = false;
var summary = QemuCapture.Record(options, args[0], new CaptureWriterOptions { PartAccesses = long.Parse(args[1]) }, new Told(Say), interrupted.Token);
Console.WriteLine(summary.EndReason);
return 0;

void Say(RecordingProgress progress)
{
    if (said || progress.Bytes == 0)
        return;
    said = true;
    Console.WriteLine("recording");
}
