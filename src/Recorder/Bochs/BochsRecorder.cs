using System.Diagnostics;
using System.Globalization;
using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>
/// Records a guest that Bochs emulates, from what its debugger prints of every instruction and access: slowly, and with VMX, which QEMU's emulation
/// lacks. <see cref="Start"/> launches it; <see cref="Record"/> reads until the guest ends, a bound is reached or the caller cancels.
/// </summary>
/// <example>
/// <code>
/// using var recorder = BochsRecorder.Start(new BochsRecordingOptions { Kernel = "guest.elf" });
/// var summary = recorder.Record(sink);
/// </code>
/// </example>
public sealed class BochsRecorder : IDisposable
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Lines between two looks at the clock.</summary>
    private const int LinesPerLook = 4096;

    private readonly BochsRecordingOptions _options;
    private readonly BochsInstallation _bochs;
    private readonly BochsMachine _machine;
    private readonly BochsProcess _process;
    private readonly BochsFindings _findings = new();
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private TimeSpan _lastProgress;

    private BochsRecorder(BochsRecordingOptions options, BochsInstallation bochs)
    {
        _options = options;
        _bochs = bochs;
        _machine = BochsMachine.Make(options);
        try
        {
            _process = BochsProcess.Start(bochs.Path, _machine.Arguments, options.OnMessage);
        }
        catch
        {
            _machine.Dispose();
            throw;
        }
    }

    /// <summary>What a capture's manifest says when this recording starts.</summary>
    public CaptureManifest Manifest => new()
    {
        Source = "bochs",
        Tool = $"replay {typeof(BochsRecorder).Assembly.GetName().Version?.ToString(3)}",
        Origin = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["bochs_version"] = _bochs.Version.ToString(),
            ["cpu"] = _options.Cpu,
            ["boots"] = Path.GetFileName(_options.Kernel ?? _options.Disk ?? _options.Cdrom)!,
            ["start_at"] = $"gpa:0x{_machine.Start:x}",
        },
        MemoryBytes = MemoryBytes,
        HasRips = true,
    };

    private ulong MemoryBytes => (ulong)_options.Megabytes << 20;

    /// <summary>Finds Bochs, makes the machine and launches it.</summary>
    /// <exception cref="RecorderException">Bochs is missing, or what it is to run cannot be run.</exception>
    public static BochsRecorder Start(BochsRecordingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var bochs = BochsInstallation.Find(options.BochsPath);
        bochs.Check(options.Cpu);
        return new BochsRecorder(options, bochs);
    }

    /// <summary>Reads the recording into <paramref name="sink"/> until it ends. Blocks; calls the sink on the caller's thread.</summary>
    /// <param name="sink">Takes the chunks.</param>
    /// <param name="progress">Told twice a second.</param>
    /// <param name="durableBytes">Bytes the sink has made durable, for <paramref name="progress"/>.</param>
    /// <param name="cancellation">Ends the recording cleanly; this is no error.</param>
    /// <exception cref="RecorderException">Bochs did not start.</exception>
    public BochsRecordingSummary Record(
        ITraceSink sink, IProgress<RecordingProgress>? progress = null, Func<long>? durableBytes = null, CancellationToken cancellation = default)
    {
        using var ending = cancellation.Register(_process.Kill);
        var stream = new CaptureStream(sink);
        if (ReadStart() is not { } start)
            return Summary(cancellation.IsCancellationRequested ? BochsEndReason.Interrupted : BochsEndReason.StartAtNotReached, stream, null);
        var tracker = Begin(start, stream);
        var reason = BochsEndReason.BochsExit;
        for (var lines = 1L; _process.TryReadLine(out var line); lines++)
        {
            tracker.Take(line);
            if (tracker.ExitCode is not null || tracker.HasHalted)
                reason = BochsEndReason.GuestExit;
            else if (stream.AccessesSeen >= (_options.MaxAccesses ?? long.MaxValue))
                reason = BochsEndReason.MaxAccesses;
            if (reason != BochsEndReason.BochsExit || cancellation.IsCancellationRequested)
                break;
            if (lines % LinesPerLook == 0)
                Report(stream, progress, durableBytes);
        }

        tracker.Finish();
        stream.Write();
        _process.Kill();
        return Summary(cancellation.IsCancellationRequested && reason == BochsEndReason.BochsExit ? BochsEndReason.Interrupted : reason, stream, tracker.ExitCode);
    }

    /// <summary>Kills Bochs if it still runs and removes what the recording put beside the capture.</summary>
    public void Dispose()
    {
        _process.Dispose();
        _machine.Dispose();
    }

    /// <summary>Up to where the debugger says that it traces from now on; null where it never comes to that.</summary>
    private StartText? ReadStart()
    {
        var start = new StartText();
        var isRunning = false;
        while (_process.TryReadLine(out var line))
        {
            isRunning |= line.StartsWith("Next at t="u8);
            if (line.StartsWith("Memory-Tracing enabled"u8))
                return start.IsReached ? start : null;
            start.Take(line);
        }

        return isRunning ? null : throw new RecorderException(RecorderFailure.SourceFailed, $"Bochs did not start: {(_process.LastMessage is { Length: > 0 } why ? why : "it gave no reason")}");
    }

    private BochsTracker Begin(StartText start, CaptureStream stream)
    {
        var context = start.Context();
        if (context.Controls.HasPaging)
            throw new RecorderException(RecorderFailure.Usage, "record bochs: the guest has switched paging on where the recording is to start: start before it does.");
        var ram = new GuestRam((int)MemoryBytes, hasFirmware: _options.Kernel is null);
        using (var content = File.OpenRead(_machine.MemoryPath))
            ram.Load(content);
        Memslot(stream, 0, 0, GuestRam.LowerEnd);
        Memslot(stream, 1, ram.UpperStart, ram.Size - ram.UpperStart);
        var state = new VcpuState { Cr0 = context.Controls.Cr0, Cr2 = context.Cr2, Cr3 = context.Controls.Cr3, Cr4 = context.Controls.Cr4, Efer = context.Controls.Efer, Rip = _machine.Start, Rflags = 2 };
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(state) });
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Lgdt, Value = context.Gdt.Base, Size = context.Gdt.Limit });
        stream.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Lidt, Value = start.Idt.Base, Size = start.Idt.Limit });
        return new BochsTracker(ram, stream, context, _findings, new BochsPorts(_options.MarkerPort, _options.ExitPort));
    }

    private static void Memslot(CaptureStream stream, int slot, ulong gpa, ulong size) => stream.Add(new TraceEvent
    {
        Ordinal = 0,
        Kind = TraceEventKind.Memslot,
        Detail = EventDetail.Write(new MemslotChange { Slot = slot, Gpa = gpa, Size = size, HvaOffset = gpa, Name = "ram" }),
    });

    private void Report(CaptureStream stream, IProgress<RecordingProgress>? progress, Func<long>? durableBytes)
    {
        if (progress is null || _clock.Elapsed - _lastProgress < ProgressInterval)
            return;
        _lastProgress = _clock.Elapsed;
        progress.Report(new RecordingProgress(_clock.Elapsed, stream.AccessesSeen, stream.Accesses, stream.Events, durableBytes?.Invoke() ?? 0, 0, TimeSpan.Zero));
    }

    private BochsRecordingSummary Summary(string reason, CaptureStream stream, int? exitCode)
    {
        var origin = _findings.Origin();
        if (exitCode is { } code)
            origin["exit_code"] = code.ToString(CultureInfo.InvariantCulture);
        return new BochsRecordingSummary
        {
            EndReason = reason,
            ExitCode = exitCode,
            LastMessage = _process.LastMessage,
            Elapsed = _clock.Elapsed,
            BochsProcessorTime = _process.ProcessorTime,
            AccessesSeen = stream.AccessesSeen,
            AccessesRecorded = stream.Accesses,
            EventsRecorded = stream.Events,
            Origin = origin,
            Blind = _findings.Blind(),
        };
    }
}
