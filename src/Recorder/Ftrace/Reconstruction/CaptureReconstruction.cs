using System.Globalization;
using Replay.Trace;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>What was made of a trace.</summary>
public sealed record ReconstructionSummary
{
    public long Faults { get; init; }

    public long HostEvents { get; init; }

    /// <summary>Memslots, in words.</summary>
    public IReadOnlyList<string> Slots { get; init; } = [];

    /// <summary>Added to a trace event's ordinal to give the capture's.</summary>
    public long OrdinalOffset { get; init; }

    /// <summary>What could not be made out, in words.</summary>
    public IReadOnlyList<string> Unknown { get; init; } = [];
}

/// <summary>
/// Makes a capture of a trace: the guest-physical accesses that faulted, how the host answered, and what the host did of itself. With
/// EPT and NPT these decide every entry of every table.
/// </summary>
public sealed class CaptureReconstruction
{
    private const int EventsPerChunk = 4096;

    private readonly TraceFacts _facts;
    private IReadOnlyList<InferredSlot> _slots = [];
    private readonly SortedSet<string> _unknown = new(StringComparer.Ordinal);
    private readonly HashSet<ulong> _clean = [];
    private long _last = -1;

    public CaptureReconstruction(bool isEpt, IReadOnlyDictionary<long, int> vcpuOfThread) => _facts = new TraceFacts(isEpt, vcpuOfThread);

    /// <summary>Takes the trace's events.</summary>
    public TracepointSink Sink => _facts;

    /// <summary>vCPUs that ran.</summary>
    public int Vcpus => _facts.Vcpus.Count == 0 ? 1 : _facts.Vcpus.Max + 1;

    /// <summary>Bytes of guest memory, as far as slots are inferred.</summary>
    public ulong MemoryBytes => (ulong)_slots.Sum(slot => (long)(slot.EndGfn - slot.FirstGfn)) << 12;

    public bool HasHugePages => _facts.HasHugePages;

    /// <summary>Entries say that EPT's accessed and dirty bits are off.</summary>
    public bool HasAdDisabled => _facts.HasAdDisabled;

    public IReadOnlyCollection<string> Unknown => _unknown;

    /// <summary>All of the trace was taken.</summary>
    /// <param name="privateMemslots">The replay's host has KVM's own memslots: they are not inferred.</param>
    public void Finish(bool privateMemslots)
    {
        _facts.Finish();
        ProtectedPages();
        _facts.Facts.Sort((left, right) => left.Ordinal.CompareTo(right.Ordinal));
        _slots = GuestMemoryMap.Infer(_facts, privateMemslots);
        if (_facts.NestedFaults > 0)
            _unknown.Add($"{_facts.NestedFaults} faults of nested guests are left out");
        if (_slots.Any(slot => slot.HvaOfGpaZero is null) && _facts.Facts.Exists(fact => fact.Kind == FactKind.Invalidate && fact.Zapped.Count == 0))
            _unknown.Add("where guest memory lies in its process: MMU-notifier ranges that nothing ties to a frame are left out");
    }

    /// <summary>Writes the stream.</summary>
    public ReconstructionSummary Write(ITraceSink sink)
    {
        ArgumentNullException.ThrowIfNull(sink);
        var setup = Setup();
        var first = _facts.Facts.Count > 0 ? _facts.Facts[0].Ordinal : setup.Count;
        var offset = Math.Max(0, setup.Count - first);
        var chunk = new TraceChunk();
        foreach (var (row, i) in setup.Select((row, i) => (row, i)))
            Add(sink, chunk, row with { Ordinal = i });
        _last = setup.Count - 1;
        long faults = 0, hostEvents = 0;
        foreach (var fact in _facts.Facts)
        {
            foreach (var row in Rows(fact))
            {
                var ordinal = fact.Ordinal + offset;
                if (ordinal <= _last)
                    ordinal = _last + 1;
                _last = ordinal;
                Add(sink, chunk, row with { Ordinal = ordinal });
                if (row.Kind == TraceEventKind.GuestPhysicalAccess)
                    faults++;
                else
                    hostEvents++;
            }
        }

        sink.Write(chunk);
        return new ReconstructionSummary
        {
            Faults = faults,
            HostEvents = hostEvents,
            Slots = [.. _slots.Select(Describe)],
            OrdinalOffset = offset,
            Unknown = [.. _unknown],
        };
    }

    private static void Add(ITraceSink sink, TraceChunk chunk, TraceEvent row)
    {
        chunk.Events.Add(row);
        if (chunk.Events.Count < EventsPerChunk)
            return;
        sink.Write(chunk);
        chunk.Clear();
    }

    private List<TraceEvent> Setup()
    {
        var rows = new List<TraceEvent>();
        for (var i = 0; i < _slots.Count; i++)
            rows.Add(Slot(i));
        if (_facts is { LogsDirty: true, LogsDirtyFromStart: true })
            rows.AddRange(_slots.Select(slot => new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogOn, Gpa = slot.FirstGfn << 12 }));
        for (var vcpu = 0; vcpu < Vcpus; vcpu++)
            rows.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VcpuState, Vcpu = (byte)vcpu, Detail = EventDetail.Write(new VcpuState { Cr0 = 0x11 }) });
        return rows;
    }

    private IEnumerable<TraceEvent> Rows(Fact fact)
    {
        switch (fact.Kind)
        {
            case FactKind.Fault when fact.IsAnswered || fact.IsMmio:
                if (fact.Access == AccessKind.Write)
                    _clean.Remove(fact.Gpa >> 12);
                yield return Access(fact);
                break;
            case FactKind.Fault:
                // KVM gave up before it asked the host; what the host did meanwhile stays.
                foreach (var (gpa, length) in Guest(fact.Ranges, []))
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.HostInvalidate, Gpa = gpa, Value = length };
                break;
            case FactKind.Invalidate or FactKind.Age:
                foreach (var (gpa, length) in Guest(fact.Ranges, fact.Zapped))
                    yield return new TraceEvent { Ordinal = 0, Kind = fact.Kind == FactKind.Age ? TraceEventKind.HostAge : TraceEventKind.HostInvalidate, Gpa = gpa, Value = length };
                break;
            case FactKind.ZapAll when _slots.Count > 0:
                // Which slot went is not shown, and makes no difference: all tables go with any.
                yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Slot = 0, Name = "inferred: kvm_mmu_zap_all_fast" }) };
                yield return Slot(0);
                if (_facts is { LogsDirty: true, LogsDirtyFromStart: true })
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogOn, Gpa = _slots[0].FirstGfn << 12 };
                break;
            case FactKind.DirtyLogGet:
                // An entry that becomes clean again was written in between, without a fault: the CPU set its dirty bit.
                foreach (var gfn in fact.Zapped.Where(_clean.Contains))
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.GuestPhysicalAccess, Access = AccessKind.Write, Flags = AccessFlags.None, Gpa = gfn << 12 };
                _clean.UnionWith(fact.Zapped);
                foreach (var slot in _slots)
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogGet, Gpa = slot.FirstGfn << 12 };
                break;
            case FactKind.Lost:
                yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.TablesForgotten };
                break;
            case FactKind.VmEnd:
                yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VmEnd };
                break;
            default:
                break;
        }
    }

    private TraceEvent Access(Fact fact)
    {
        var invalidated = Guest(fact.Ranges, []).Select(range => new HostRange(range.Gpa, range.Length)).ToList();
        var answer = new HostAnswer { Level = Math.Clamp(fact.Level, 1, 3), Pages = fact.Pages, Invalidated = invalidated.Count > 0 ? invalidated : null };
        return new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.GuestPhysicalAccess,
            Vcpu = fact.Vcpu,
            Access = fact.Access,
            Flags = fact.IsWalk ? AccessFlags.TableWalk : AccessFlags.None,
            Gpa = fact.Gpa,
            Rip = fact.Rip,
            Detail = EventDetail.Write(answer),
        };
    }

    /// <summary>
    /// Entries that had been write-protected when the guest wrote: the dirty log was read before. When, no line shows; vCPUs are stopped
    /// or not: the last time one was in userspace is taken.
    /// </summary>
    private void ProtectedPages()
    {
        var read = new List<Fact>();
        var lastGet = -1L;
        foreach (var fact in _facts.Facts.OrderBy(fact => fact.Ordinal))
        {
            if (fact.Kind == FactKind.DirtyLogGet)
                lastGet = fact.Ordinal;
            if (!fact.WasWriteProtected)
                continue;
            var exit = _facts.UserspaceExits.FindLast(ordinal => ordinal < fact.Ordinal);
            if (exit <= lastGet)
                continue;
            lastGet = exit;
            read.Add(new Fact { Kind = FactKind.DirtyLogGet, Ordinal = exit });
        }

        _facts.Facts.AddRange(read);
    }

    private TraceEvent Slot(int number)
    {
        var slot = _slots[number];
        return new TraceEvent
        {
            Ordinal = 0,
            Kind = TraceEventKind.Memslot,
            Detail = EventDetail.Write(new MemslotChange
            {
                Slot = number,
                Gpa = slot.FirstGfn << 12,
                Size = slot.EndGfn - slot.FirstGfn << 12,
                HvaOffset = slot.FirstGfn << 12 & ((1UL << 30) - 1),
                Name = "inferred from the frames that the host had pages for",
            }),
        };
    }

    /// <summary>The guest-physical ranges behind host-virtual ones; by the frames that went, where nothing tells where the memory lies.</summary>
    private IEnumerable<(ulong Gpa, ulong Length)> Guest(IReadOnlyList<(ulong Start, ulong End)> ranges, IReadOnlyList<ulong> zapped)
    {
        foreach (var slot in _slots)
        {
            var (first, end) = (slot.FirstGfn << 12, slot.EndGfn << 12);
            if (slot.HvaOfGpaZero is { } delta)
            {
                foreach (var (rangeStart, rangeEnd) in ranges)
                {
                    var start = Math.Max(rangeStart, first + delta);
                    var stop = Math.Min(rangeEnd, end + delta);
                    if (start < stop)
                        yield return (start - delta, stop - start);
                }
            }
            else
            {
                foreach (var gfn in zapped.Where(gfn => gfn >= slot.FirstGfn && gfn < slot.EndGfn))
                    yield return (gfn << 12, 4096);
            }
        }
    }

    private static string Describe(InferredSlot slot) => string.Create(
        CultureInfo.InvariantCulture,
        $"0x{slot.FirstGfn << 12:x}-0x{(slot.EndGfn << 12) - 1:x}{(slot.HvaOfGpaZero is { } delta ? $" at host-virtual 0x{delta + (slot.FirstGfn << 12):x}" : "")}");
}
