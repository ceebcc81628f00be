using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Records a guest under QEMU into a capture on disk.</summary>
public static class QemuCapture
{
    /// <summary>Launches the guest and records until it ends, a bound is reached or the caller cancels. The capture is valid however this ends.</summary>
    /// <param name="options">How to record.</param>
    /// <param name="directory">The capture to make, usually <c>NAME.capture</c>.</param>
    /// <param name="writerOptions">How the capture is cut and whether it may replace another; null for <see cref="QemuRecorder.WriterOptions"/>.</param>
    /// <param name="progress">Told twice a second.</param>
    /// <param name="cancellation">Ends the recording cleanly.</param>
    /// <exception cref="RecorderException">QEMU cannot be run, or its guest not be recorded.</exception>
    /// <exception cref="IOException">The capture cannot be written.</exception>
    public static QemuRecordingSummary Record(
        QemuRecordingOptions options,
        string directory,
        CaptureWriterOptions? writerOptions = null,
        IProgress<RecordingProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        using var recorder = QemuRecorder.Start(options, cancellation);
        using var writer = CaptureWriter.Create(directory, recorder.Manifest, writerOptions ?? recorder.WriterOptions);
        var summary = recorder.Record(writer, progress, () => writer.Statistics.Bytes, cancellation);
        writer.Amend(manifest => WithFindings(manifest, summary));
        if (summary.Complete)
            writer.Complete(summary.EndReason, summary.AccessesSeen);
        else
            writer.ClosePart();
        return summary;
    }

    private static CaptureManifest WithFindings(CaptureManifest manifest, QemuRecordingSummary summary)
    {
        var origin = new SortedDictionary<string, string>(manifest.Origin, StringComparer.Ordinal);
        foreach (var (key, value) in summary.Origin)
            origin[key] = value;
        return manifest with
        {
            Origin = origin,
            Blind = [.. summary.Blind],
            NestedNotFollowed = summary.NestedNotFollowed,
            EndReason = summary.EndReason,
            AccessesSeen = summary.AccessesSeen,
        };
    }
}
