using System.Diagnostics;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>
/// Records a guest that QEMU emulates. <see cref="Start"/> launches it with the plugin; <see cref="Record"/> drains the ring into a sink
/// until the guest ends, a bound is reached or the caller cancels. One recorder makes one recording.
/// </summary>
/// <example>
/// <code>
/// using var recorder = QemuRecorder.Start(new QemuRecordingOptions { Arguments = ["-kernel", "guest.elf"] });
/// var summary = recorder.Record(sink);
/// </code>
/// </example>
public sealed class QemuRecorder : IDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly QemuRecordingOptions _options;
    private readonly QemuInstallation _qemu;
    private readonly QemuCommandLine _line;
    private readonly PrivateDirectory _directory;
    private readonly SharedRing _ring;
    private readonly QmpClient _qmp;
    private readonly QemuProcess _process;
    private readonly MemoryMap _memory;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private long _lastProgress;
    private bool _stopped;

    private QemuRecorder(QemuRecordingOptions options, QemuInstallation qemu, string plugin)
    {
        _options = options;
        _qemu = qemu;
        _directory = PrivateDirectory.Create(WireFormat.ControlBytes + ((long)options.RingWords * sizeof(ulong)));
        try
        {
            var socket = Path.Combine(_directory.Path, "qmp");
            var ring = Path.Combine(_directory.Path, "ring");
            _line = QemuCommandLine.Build(options, plugin, ring, socket);
            _ring = SharedRing.Create(ring, options, _line.MemoryBytes);
            _qmp = new QmpClient(socket);
            _process = QemuProcess.Start(qemu.Path, _line.Arguments, options.OnMessage);
        }
        catch
        {
            _qmp?.Dispose();
            _ring?.Dispose();
            _directory.Dispose();
            throw;
        }
        _memory = new MemoryMap(_line.MemoryName);
    }

    /// <summary>What a capture's manifest says when this recording starts.</summary>
    public CaptureManifest Manifest => new()
    {
        Source = "qemu",
        Tool = $"replay {typeof(QemuRecorder).Assembly.GetName().Version?.ToString(3)}",
        Origin = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["qemu_version"] = _qemu.Version.ToString(),
            ["qemu_arguments"] = string.Join(' ', _options.Arguments),
            ["determinism_flags"] = _line.DeterminismAdded,
            ["start_at"] = _options.StartAt?.ToString() ?? "first instruction",
            ["stop_at"] = _options.StopAt?.ToString() ?? "none",
        },
        Vcpus = Math.Max(1, _ring.Vcpus),
        MemoryBytes = _line.MemoryBytes,
        Filter = _options.FilterSlots is { } slots ? new FilterRule { Entries = slots, EpochLength = _options.EpochLength } : null,
        HasRips = _options.HasRips,
    };

    /// <summary>
    /// How to write this recording: the guest makes accesses as fast as they are encoded, unless a filter drops most of them. The queue is long
    /// enough for what comes while a part is flushed to the disk.
    /// </summary>
    public CaptureWriterOptions WriterOptions => new() { Hasty = true, QueueBlocks = 16 };

    internal int ProcessId => _process.Id;

    /// <summary>Finds QEMU, builds the plugin if need be, and launches the guest. The guest waits for <see cref="Record"/> before its first instruction.</summary>
    /// <exception cref="RecorderException">QEMU or the compiler is missing, the arguments cannot be recorded, or QEMU refuses to start.</exception>
    /// <param name="options">How to record.</param>
    /// <param name="cancellation">Gives up before there is anything to record.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static QemuRecorder Start(QemuRecordingOptions options, CancellationToken cancellation = default)
    {
        options.Validate();
        var recorder = new QemuRecorder(options, QemuInstallation.Find(options.QemuPath), PluginBuilder.Build());
        try
        {
            recorder.WaitForPlugin(cancellation);
            // Both sides hold what they need; so nothing can stay behind.
            recorder._directory.Dispose();
            return recorder;
        }
        catch
        {
            recorder.Dispose();
            throw;
        }
    }

    /// <summary>Drains the recording into <paramref name="sink"/> until it ends. Blocks; calls the sink on the caller's thread.</summary>
    /// <param name="sink">Takes the chunks.</param>
    /// <param name="progress">Told twice a second.</param>
    /// <param name="durableBytes">Bytes the sink has made durable, for <paramref name="progress"/>.</param>
    /// <param name="cancellation">Ends the recording cleanly; this is no error.</param>
    /// <exception cref="RecorderException">The plugin cannot go on.</exception>
    public QemuRecordingSummary Record(
        ITraceSink sink,
        IProgress<RecordingProgress>? progress = null,
        Func<long>? durableBytes = null,
        CancellationToken cancellation = default)
    {
        var numbers = new WireNumbers(Math.Max(1, _ring.Vcpus));
        AccessTarget target = sink is CaptureWriter { TakesBlocks: true } writer
            ? new BlockTarget(numbers, writer)
            : new ChunkTarget(numbers, sink, _options.HasRips);
        var decoder = new RecordDecoder(_memory, numbers, target, isWhole: !_options.IsFiltered);
        var drain = new RingDrain(_ring, decoder);
        while (true)
        {
            // Looked at before the ring is drained: what stood in it by then is taken below.
            var exited = _process.HasExited;
            var state = _ring.State;
            var moved = drain.Drain();
            AnswerMapRequest();
            Report(decoder, progress, durableBytes);
            if (exited || state is WireState.Ended or WireState.Failed)
                break;
            if (cancellation.IsCancellationRequested)
            {
                StopGuest();
                break;
            }
            if (!moved)
                Rest(drain);
        }
        LetGo();
        while (drain.Drain())
        {
        }
        drain.Write();
        return Summarize(decoder, cancellation.IsCancellationRequested);
    }

    /// <summary>Kills QEMU if it still runs and removes what the recording put beside the capture.</summary>
    public void Dispose()
    {
        _process.Dispose();
        _qmp.Dispose();
        _ring.Dispose();
        _directory.Dispose();
    }

    private void WaitForPlugin(CancellationToken cancellation)
    {
        while (!IsConnected())
        {
            cancellation.ThrowIfCancellationRequested();
            if (_process.HasExited)
                throw new RecorderException(RecorderFailure.SourceFailed, $"QEMU did not start: {_process.LastMessage}");
            Thread.Sleep(1);
        }
    }

    private bool IsConnected()
    {
        try
        {
            return _qmp.TryAccept() && _ring.State != WireState.NotLoaded;
        }
        catch (Exception error) when (error is IOException or TimeoutException && _process.WaitForExit(Patience))
        {
            // QEMU gave up while it was greeted; its last message tells why.
            return false;
        }
    }

    private static void Rest(RingDrain drain)
    {
        drain.WriteIfIdle();
        Thread.Sleep(1);
    }

    private void AnswerMapRequest()
    {
        if (!_ring.MapIsWanted)
            return;
        try
        {
            var view = _qmp.Monitor("info mtree -f");
            var blocks = view is null ? null : _qmp.Monitor("info ramblock");
            // Where QEMU does not answer, the vCPU goes on with the map that it has, and what does not fit is counted.
            _ring.AnswerMap(view is null ? [] : _memory.Update(FlatView.Parse(view), blocks is null ? null : FlatView.ParseBlocks(blocks)));
        }
        catch (IOException)
        {
            // QEMU is leaving: the vCPU must not keep it. The drain loop sees its end.
            _ring.RequestStop();
            if (!_process.WaitForExit(Patience))
                _process.Kill();
        }
    }

    private void Report(RecordDecoder decoder, IProgress<RecordingProgress>? progress, Func<long>? durableBytes)
    {
        if (_clock.ElapsedMilliseconds - _lastProgress < ProgressInterval.TotalMilliseconds)
            return;
        _lastProgress = _clock.ElapsedMilliseconds;
        _process.SampleProcessorTime();
        if (progress is null)
            return;
        var counters = _ring.Counters;
        progress.Report(new RecordingProgress(
            _clock.Elapsed,
            counters.Accesses,
            decoder.Accesses,
            decoder.Events,
            durableBytes?.Invoke() ?? 0,
            counters.Stalls,
            StallTime(counters)));
    }

    private static TimeSpan StallTime(in WireCounters counters) => TimeSpan.FromMicroseconds(counters.StallNanoseconds / 1000.0);

    /// <summary>Asks the plugin to end the stream where it is; a guest that idles does not answer, and need not.</summary>
    private void StopGuest()
    {
        _stopped = true;
        _ring.RequestStop();
        var since = Stopwatch.GetTimestamp();
        while (_ring.State == WireState.Recording && !_process.HasExited && Stopwatch.GetElapsedTime(since) < Patience / 4)
        {
            // A full ring would keep the plugin from seeing the request.
            if (_ring.Head - _ring.Tail > (ulong)_options.RingWords / 2)
                return;
            AnswerMapRequest();
            Thread.Sleep(1);
        }
    }

    private void LetGo()
    {
        _qmp.ReadEvents();
        _process.SampleProcessorTime();
        if (_process.HasExited)
            return;
        // A guest that switched itself off has QEMU leave with its own exit code; so has a signal.
        if (_ring.EndReason is not (WireEnd.GuestExit or WireEnd.QemuExit) || !_process.WaitForExit(Patience))
            _qmp.Quit();
        if (!_process.WaitForExit(Patience))
            _process.Kill();
        _qmp.ReadEvents();
    }

    private QemuRecordingSummary Summarize(RecordDecoder decoder, bool isCancelled)
    {
        if (_ring.State == WireState.Failed)
            throw new RecorderException(RecorderFailure.SourceFailed, $"Recording failed: {_ring.Error}");
        var counters = _ring.Counters;
        var reason = EndReason(isCancelled);
        return new QemuRecordingSummary
        {
            EndReason = reason,
            Complete = reason != QemuEndReason.Killed,
            ExitCode = _process.ExitCode,
            LastMessage = _process.LastMessage,
            Elapsed = _clock.Elapsed,
            AccessesSeen = counters.Accesses,
            AccessesRecorded = decoder.Accesses,
            EventsRecorded = decoder.Events,
            Stalls = counters.Stalls,
            StallTime = StallTime(counters),
            QemuProcessorTime = _process.ProcessorTime,
            Origin = QemuFindings.Origin(counters, decoder.GuestPageFaults),
            NestedNotFollowed = counters.Nested,
            Blind = QemuFindings.Blind(counters),
        };
    }

    private string EndReason(bool isCancelled)
    {
        if (_ring.EndReason is WireEnd.StopAt)
            return QemuEndReason.StopAt;
        if (_ring.EndReason is WireEnd.MaxAccesses)
            return QemuEndReason.MaxAccesses;
        if (_stopped)
            return QemuEndReason.Interrupted;
        if (_ring.State != WireState.Ended)
            return QemuEndReason.Killed;
        // A machine that stops tells why, to QMP or to the plugin. Its exit code does not: 1 is also what a guest's 0 to isa-debug-exit becomes.
        var cause = _qmp.ShutdownCause;
        if (cause == "host-error" || (cause is null && _ring.EndReason is WireEnd.QemuExit))
            return QemuEndReason.Failed;
        if (_ring.Counters.Ordinals == 0 && _options.StartAt is not null)
            return QemuEndReason.StartAtNotReached;
        if (cause?.StartsWith("host-", StringComparison.Ordinal) != true)
            return QemuEndReason.GuestExit;
        // Ctrl-C at a terminal is told to both, and QEMU may be the quicker one.
        return isCancelled && cause == "host-signal" ? QemuEndReason.Interrupted : QemuEndReason.Terminated;
    }
}
