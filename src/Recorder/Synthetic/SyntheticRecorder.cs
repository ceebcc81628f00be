using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>Runs a workload into a sink.</summary>
public static class SyntheticRecorder
{
    /// <summary>The stream of a workload, through the page filter if the options have one.</summary>
    /// <exception cref="WorkloadUsageException">The workload or a knob does not exist, or a value does not fit.</exception>
    public static ITraceSource Open(SyntheticOptions options)
    {
        var source = new SyntheticSource(options);
        return options.Filter is { } rule ? new FilteringSource(source, rule) : source;
    }

    /// <summary>Records to the end or until cancelled.</summary>
    /// <param name="options">What to record.</param>
    /// <param name="sink">Takes the chunks.</param>
    /// <param name="progress">Told the accesses seen so far, after every chunk.</param>
    /// <param name="cancel">Ends the recording after the chunk in hand.</param>
    /// <returns>The manifest as it stands at the end: accesses seen, and why it ended.</returns>
    /// <exception cref="WorkloadUsageException">The workload or a knob does not exist, or a value does not fit.</exception>
    public static CaptureManifest Record(
        SyntheticOptions options, ITraceSink sink, Action<long>? progress = null, CancellationToken cancel = default)
    {
        var source = Open(options);
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            sink.Write(chunk);
            progress?.Invoke(source.Manifest.AccessesSeen);
            if (cancel.IsCancellationRequested)
                return source.Manifest with { Complete = true, EndReason = "interrupted" };
        }
        return source.Manifest;
    }
}
