using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer;

/// <summary>
/// Replays one capture in one mode. Chunks go in through <see cref="Process"/>, so that one reader can drive several sessions; the
/// history goes to the observer.
/// </summary>
/// <example><code>
/// var session = new ReplaySession(source.Manifest, new ReplayOptions { Mode = MmuMode.Ept }, history);
/// while (source.TryRead(chunk))
///     session.Process(chunk);
/// var result = session.Finish();
/// </code></example>
public sealed class ReplaySession
{
    private readonly ReplayOptions _options;
    private readonly Journal _journal;
    private readonly GuestMemory _memory = new();
    private readonly KvmVm _vm;
    private readonly List<Cpu> _cpus = [];
    private readonly VerifyTotals _verify = new();
    private readonly EventReplay _events;
    private readonly bool _isFiltered;
    private long _accesses;
    private long _eventCount;
    private long _firstOrdinal = -1;
    private long _lastOrdinal = -1;

    /// <param name="manifest">Of the capture.</param>
    /// <param name="options">Mode and host.</param>
    /// <param name="history">Sees everything the model does.</param>
    public ReplaySession(CaptureManifest manifest, ReplayOptions options, IHistory history)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _journal = new Journal(history);
        _vm = new KvmVm(_journal, _memory, options.Mode, options.EffectiveProfile, options.Backing);
        _isFiltered = manifest.Filter is not null;
        _events = new EventReplay(_vm, _journal, _memory, CpuFor);
    }

    /// <summary>The machine being modelled: for looking, after a chunk or from <see cref="Marker"/>.</summary>
    public KvmVm Vm => _vm;

    /// <summary>Called when the guest reaches a marker, with the byte it wrote.</summary>
    public Action<byte>? Marker
    {
        get => _events.Marker;
        set => _events.Marker = value;
    }

    /// <summary>Replays the next stretch of the stream.</summary>
    /// <exception cref="InvariantViolation">The model broke; the message says where.</exception>
    public void Process(TraceChunk chunk)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        try
        {
            Merge(chunk);
        }
        catch (Exception exception) when (exception is not CaptureFormatException)
        {
            throw new InvariantViolation(
                $"mode {_options.Mode.Name()}, host {_options.EffectiveProfile.Name}, ordinal {_journal.Ordinal}, vCPU {_journal.Vcpu}, "
                + $"rip {_journal.Rip:x}, in {_journal.CurrentFunction.KernelName()}: {exception.Message}",
                exception);
        }
    }

    /// <summary>What the replay came to so far.</summary>
    public ReplayResult Finish()
    {
        var references = 0L;
        foreach (var cpu in _cpus)
            references += cpu.WalkReferences;
        return new ReplayResult
        {
            Accesses = _accesses,
            Events = _eventCount,
            FirstOrdinal = _firstOrdinal,
            LastOrdinal = _lastOrdinal,
            Exits = _journal.Exits,
            Faults = _journal.Faults,
            Writes = _journal.Writes,
            WalkReferences = references,
            NoteCounts = _journal.NoteCounts.ToArray(),
            Verify = _verify,
            Stats = _vm.Stats,
            HistoryHash = _journal.Hash.ToString(),
        };
    }

    /// <summary>Accesses and events in one order.</summary>
    private void Merge(TraceChunk chunk)
    {
        var next = 0;
        foreach (var row in chunk.Events)
        {
            var end = next + chunk.Ordinals.AsSpan(next, chunk.AccessCount - next).BinarySearch(row.Ordinal);
            if (end < next)
                end = next + ~(end - next);
            Run(chunk, next, end);
            next = end;
            _vm.Writer.NotesLosses = _isFiltered && !FlushPoints.Is(row.Kind);
            _events.Replay(row);
            Passed(row.Ordinal);
            _eventCount++;
        }

        Run(chunk, next, chunk.AccessCount);
    }

    /// <summary>Plain accesses, vCPU by vCPU.</summary>
    private void Run(TraceChunk chunk, int from, int to)
    {
        if (from == to)
            return;
        _vm.Writer.NotesLosses = _isFiltered;
        _accesses += to - from;
        Passed(chunk.Ordinals[from]);
        while (from < to)
        {
            var vcpu = chunk.Vcpus[from];
            var length = chunk.Vcpus.AsSpan(from, to - from).IndexOfAnyExcept(vcpu);
            var end = length < 0 ? to : from + length;
            CpuFor(vcpu).Run(chunk, from, end);
            from = end;
        }

        Passed(chunk.Ordinals[to - 1]);
    }

    private void Passed(long ordinal)
    {
        if (_firstOrdinal < 0)
            _firstOrdinal = ordinal;
        _lastOrdinal = ordinal;
    }

    private Cpu CpuFor(byte vcpu)
    {
        while (_cpus.Count <= vcpu)
        {
            var registers = new ControlRegisters();
            _cpus.Add(new Cpu(new CpuSetup
            {
                Id = (byte)_cpus.Count,
                Mode = _options.Mode,
                Profile = _options.EffectiveProfile,
                Journal = _journal,
                Memory = _memory,
                Registers = registers,
                Hypervisor = _vm.CreateVcpu(registers),
                Pages = _vm.Pages,
                Writer = _vm.Writer,
                Verify = _verify,
                UseTlb = _options.UseTlb,
            }));
        }

        return _cpus[vcpu];
    }
}
