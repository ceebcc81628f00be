using System.Runtime.CompilerServices;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.SavedState;
using Replay.Replayer.Session;
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
    private const int MaxVcpus = byte.MaxValue + 1;

    private readonly ReplayOptions _options;
    private readonly IHistory _history;
    private readonly Machine _machine;
    private readonly EventReplay _events;
    private readonly Tally _tally;
    private readonly ZapWatch? _watch;
    private readonly InvariantWatch _invariants;
    private readonly HostScriptReplay? _script;
    private readonly ExpandedChunk _expanded;
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
        _history = history;
        var mutable = new MutableHistory(history);
        _tally = new Tally(mutable);
        if (manifest.Filter is { } filter)
            _watch = new ZapWatch(_tally, filter, SpteFormats.For(options.Mode, options.EffectiveProfile, options.Kernel));
        Journal = new Journal(_watch ?? (IHistory)_tally, options.Kernel);
        if (_watch is not null)
            _watch.Journal = Journal;
        _machine = new Machine(options, Journal, Math.Clamp(manifest.Vcpus, 1, MaxVcpus));
        _watch?.Watch(_machine.Vm);
        _expanded = _machine.Expanded;
        if (options.HostScript is { } script)
            _script = new HostScriptReplay(script, _machine.Vm);
        _events = new EventReplay(_machine, mutable, _script);
        _invariants = new InvariantWatch(_machine.Vm, Journal, options.Invariants);
        if (manifest.CountNestedNotFollowed() is > 0 and var nested)
            Journal.Note(ModelNote.NestedNotFollowed, 0, (ulong)nested, 0);
    }

    /// <summary>The machine being modelled: for looking, after a chunk or from <see cref="Marker"/>.</summary>
    public KvmVm Vm => _machine.Vm;

    public Journal Journal { get; }

    public ReplayProgress Progress => new(_accesses, _eventCount, _lastOrdinal);

    /// <summary>Called when the guest reaches a marker, with the byte it wrote. What the host does then belongs to the marker's event.</summary>
    public Action<byte>? Marker
    {
        get => _events.Marker;
        set => _events.Marker = value;
    }

    /// <summary>Replays a whole capture.</summary>
    /// <param name="source">The capture.</param>
    /// <param name="options">Mode and host.</param>
    /// <param name="history">Sees everything the model does.</param>
    /// <param name="progress">Told after each chunk.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <exception cref="InvariantViolation">The model broke; the message says where.</exception>
    /// <exception cref="CaptureFormatException">The capture cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ReplayResult Run(
        ITraceSource source, ReplayOptions options, IHistory history, Action<ReplayProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        var session = new ReplaySession(source.Manifest, options, history);
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            session.Process(chunk);
            progress?.Invoke(session.Progress);
        }

        return session.Finish();
    }

    /// <summary>Goes on where another session was when it saved its state: what follows is what lies behind <see cref="Progress"/>.</summary>
    /// <param name="history">Sees what the model does from here on.</param>
    /// <param name="state">What <see cref="Save"/> wrote.</param>
    /// <exception cref="StateException">It is damaged, or was written by another build.</exception>
    public static ReplaySession Restore(IHistory history, ReadOnlySpan<byte> state)
    {
        // Not by its constructor: making a machine is part of its history, and has been told.
        var session = (ReplaySession)RuntimeHelpers.GetUninitializedObject(typeof(ReplaySession));
        StateReader.Fill(state, session, history);
        return session;
    }

    /// <summary>Writes the whole state: guest, CPUs, KVM, journal and hash. Between two calls of <see cref="Process"/>.</summary>
    public void Save(StateBuffer destination) => StateWriter.Write(destination, this, _history);

    /// <summary>Replays the next stretch of the stream.</summary>
    /// <param name="chunk">The stretch.</param>
    /// <param name="firstTouches">Those of the chunk, where several sessions share them; the replay comes to the same without.</param>
    /// <exception cref="InvariantViolation">The model broke; the message says where.</exception>
    /// <exception cref="CaptureFormatException">An event's document cannot be read.</exception>
    /// <exception cref="IOException">The history cannot be stored.</exception>
    public void Process(TraceChunk chunk, FirstTouches? firstTouches = null)
    {
        ArgumentNullException.ThrowIfNull(chunk);
        try
        {
            if (chunk.Touched is { } touched && (_script is not null || !_options.UseTlb))
                Merge(_expanded.Of(chunk), touched.RowOf(0), []);
            else
                Merge(chunk, 0, firstTouches is null || chunk.Touched is not null ? [] : firstTouches.Indices);
            _invariants.AfterChunk();
        }
        catch (Exception failure) when (failure is not (CaptureFormatException or IOException or OutOfMemoryException))
        {
            throw new InvariantViolation(
                $"{_options}: ordinal {Journal.Ordinal}, vCPU {Journal.Vcpu}, rip {Journal.Rip:x}, in {Journal.CurrentFunction.KernelName()}: {failure.Message}",
                failure);
        }
    }

    /// <summary>Userspace lets a vCPU run on that it had stopped: KVM enters the guest, and the CPU fetches the next instruction.</summary>
    /// <param name="vcpu">Which.</param>
    /// <param name="gva">Of that instruction.</param>
    /// <param name="ordinal">Of what it does next.</param>
    public void Resume(byte vcpu, ulong gva, long ordinal)
    {
        Journal.Ordinal = ordinal;
        Journal.Vcpu = vcpu;
        Journal.Rip = gva;
        _machine.Cpu(vcpu).Resume(gva);
    }

    /// <summary>What the replay came to so far.</summary>
    /// <exception cref="InvariantViolation">Tables or counters do not agree with themselves.</exception>
    public ReplayResult Finish()
    {
        _invariants.AtEnd(_tally.Counts);
        return Result();
    }

    private ReplayResult Result() => new()
    {
        Accesses = _accesses,
        Events = _eventCount,
        FirstOrdinal = _firstOrdinal,
        LastOrdinal = _lastOrdinal,
        Exits = Journal.Exits,
        ExitsByReason = RecordCounts.BySort<ExitReason>(_tally.Counts.Of),
        Faults = Journal.Faults,
        FaultsByOutcome = RecordCounts.BySort<RetPf>(_tally.Counts.Of),
        GuestFaults = _tally.Counts.GuestFaults,
        Writes = Journal.Writes,
        WritesByFunction = _tally.Writes,
        PagesByOperation = RecordCounts.BySort<PageOperation>(_tally.Counts.Of),
        FlushesByKind = RecordCounts.BySort<FlushKind>(_tally.Counts.Of),
        AccessesWithRecords = _tally.Counts.Accesses,
        WalkReferences = _machine.Walks.References,
        Walks = _machine.Walks.All,
        NoteCounts = Journal.NoteCounts.ToArray(),
        FirstNotes = Journal.FirstNotes.ToArray(),
        Verify = _machine.Verify,
        Nested = _events.Nested.Entries == 0 ? null : _events.Nested,
        NestedRecords = _tally.Nested,
        Stats = Vm.Stats,
        HostActionsLeft = _script?.Left ?? 0,
        HistoryHash = Journal.Hash.ToString(),
    };

    /// <summary>Accesses and events in one order.</summary>
    private void Merge(TraceChunk chunk, int next, ReadOnlySpan<int> firstTouches)
    {
        // What the host does between two events makes first touches of what was none.
        if (_script is not null)
            firstTouches = [];
        for (var i = 0; i < chunk.Events.Count; i++)
        {
            var end = chunk.FirstAccessFrom(next, chunk.Events[i].Ordinal);
            ReplayAccesses(chunk, next, end, ref firstTouches);
            next = end;
            _script?.RunUpTo(chunk.Events[i].Ordinal);
            ReplayEvent(chunk.Events, i);
        }

        ReplayAccesses(chunk, next, chunk.AccessCount, ref firstTouches);
        if (chunk is { Touched: { } touched, AccessCount: > 0 } && touched.LastOrdinal > _lastOrdinal)
            Passed(touched.LastOrdinal);
    }

    private void ReplayEvent(List<TraceEvent> rows, int index)
    {
        var row = rows[index];
        _eventCount++;
        Passed(row.Ordinal);
        Journal.Ordinal = row.Ordinal;
        Journal.Vcpu = row.Vcpu;
        Journal.Rip = row.Rip ?? 0;
        _watch?.EnterEvent(row);
        _events.Replay(rows, index);
        _watch?.LeaveEvent();
    }

    /// <summary>Plain accesses, vCPU by vCPU: each in one go, as long as no other's come between.</summary>
    private void ReplayAccesses(TraceChunk chunk, int from, int to, ref ReadOnlySpan<int> firstTouches)
    {
        if (from == to)
            return;
        while (_script is not null && _script.Due <= chunk.Ordinals[to - 1])
        {
            var end = chunk.FirstAccessFrom(from, _script.Due);
            ReplayUndisturbed(chunk, from, end, ref firstTouches);
            _script.RunUpTo(chunk.Ordinals[end]);
            from = end;
        }

        ReplayUndisturbed(chunk, from, to, ref firstTouches);
    }

    private void ReplayUndisturbed(TraceChunk chunk, int from, int to, ref ReadOnlySpan<int> firstTouches)
    {
        if (from == to)
            return;
        _accesses += chunk.Touched?.Between(from, to) ?? (to - from);
        Passed(chunk.Ordinals[from]);
        Passed(chunk.Ordinals[to - 1]);
        _watch?.EnterAccesses(chunk, from, to);
        while (from < to)
        {
            var end = chunk.EndOfVcpuRun(from, to);
            var count = 0;
            while (count < firstTouches.Length && firstTouches[count] < end)
                count++;
            _machine.Cpu(chunk.Vcpus[from]).Run(chunk, from, end, firstTouches[..count]);
            firstTouches = firstTouches[count..];
            from = end;
        }
    }

    private void Passed(long ordinal)
    {
        if (_firstOrdinal < 0)
            _firstOrdinal = ordinal;
        _lastOrdinal = ordinal;
    }
}
