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
    /// <summary>Of physical addresses: 52, less those within a page.</summary>
    private const int PfnBits = 40;

    private const int EventsPerChunk = 4096;

    private const string SlotGoneAlone = "inferred: its mappings went, and those of others stayed";

    private readonly TraceFacts _facts;
    private IReadOnlyList<InferredSlot> _slots = [];
    private readonly SortedSet<string> _unknown = new(StringComparer.Ordinal);
    private readonly HashSet<ulong> _clean = [];
    private long _last = -1;
    private bool _isLogging;

    private readonly bool _slotsGoAlone;

    /// <param name="isEpt">Error codes are exit qualifications, entries have EPT's form.</param>
    /// <param name="vcpuOfThread">The vCPU that each thread enters first.</param>
    /// <param name="slotsGoAlone">The kernel has KVM_X86_QUIRK_SLOT_ZAP_ALL, which userspace may have switched off.</param>
    public CaptureReconstruction(bool isEpt, IReadOnlyDictionary<long, int> vcpuOfThread, bool slotsGoAlone)
    {
        _facts = new TraceFacts(isEpt, vcpuOfThread);
        _slotsGoAlone = slotsGoAlone;
    }

    /// <summary>Takes the trace's events.</summary>
    public TracepointSink Sink => _facts;

    /// <summary>vCPUs that ran.</summary>
    public int Vcpus => _facts.Vcpus.Count == 0 ? 1 : _facts.Vcpus.Max + 1;

    /// <summary>Bytes of guest memory, as far as slots are inferred.</summary>
    public ulong MemoryBytes => (ulong)_slots.Sum(slot => (long)(slot.EndGfn - slot.FirstGfn)) << 12;

    public bool HasHugePages => _facts.HasHugePages;

    /// <summary>Entries say that EPT's accessed and dirty bits are off.</summary>
    public bool HasAdDisabled => _facts.HasAdDisabled;

    /// <summary>Memslots go, and the mappings of others stay: KVM_X86_QUIRK_SLOT_ZAP_ALL is off.</summary>
    public bool SlotsWentAlone => _slotsGoAlone && _facts.Facts.Exists(fact => fact.Kind == FactKind.SlotGone);

    public IReadOnlyCollection<string> Unknown => _unknown;

    /// <summary>Lines tell when the dirty log was read: system calls, or what the reading did to entries.</summary>
    public bool ShowsDirtyLog => _facts.HasLogCalls || _facts.ShowsZaps;

    /// <summary>The row of a capture stands for a memslot's end that no line shows.</summary>
    public static bool IsAssumed(in TraceEvent row) =>
        row.Kind == TraceEventKind.Memslot && EventDetail.ReadMemslotChange(row).Name == SlotGoneAlone;

    /// <summary>All of the trace was taken.</summary>
    /// <param name="privateMemslots">The replay's host has KVM's own memslots: they are not inferred.</param>
    public void Finish(bool privateMemslots)
    {
        _facts.Finish();
        foreach (var earlier in _facts.Earlier.Where(part => part is { IsEmpty: false, Ordinal: >= 0 }))
            _facts.Facts.Add(new Fact { Kind = FactKind.Earlier, Ordinal = earlier.Ordinal, Tables = earlier });
        UserspaceActs.Infer(_facts, _slotsGoAlone);
        _slots = GuestMemoryMap.Infer(_facts, privateMemslots);
        if (_facts.ClearsDirtyLog)
            _unknown.Add("of which pages the dirty log was cleared (KVM_CLEAR_DIRTY_LOG): of all is taken");
        else if (_facts is { HasLogCalls: false, ShowsZaps: false })
            _unknown.Add($"{(_facts.LogsDirty ? "" : "whether and ")}when the dirty log was read: only the system call shows it (sys_enter_ioctl), which is not in the trace; reads that no fault follows are left out");
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
        _isLogging = _facts is { LogsDirty: true, LogsDirtyFromStart: true };
        if (_isLogging)
            rows.AddRange(_slots.Select(slot => new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogOn, Gpa = slot.FirstGfn << 12 }));
        for (var vcpu = 0; vcpu < Vcpus; vcpu++)
            rows.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VcpuState, Vcpu = (byte)vcpu, Detail = EventDetail.Write(new VcpuState { Cr0 = 0x11 }) });
        rows.AddRange(Rows(_facts.Earlier[0]));
        return rows;
    }

    private IEnumerable<TraceEvent> Rows(EarlierTables earlier)
    {
        _clean.UnionWith(earlier.Pages.Where(page => page is { Dirty: false, Page.Writable: true }).Select(page => page.Page.Gfn));
        // Tables first: where a page was mapped, its own were there. Then pages that the dirty log had been read of since they were written.
        foreach (var tables in earlier.Tables.Chunk(EventsPerChunk))
            yield return Row(new EarlierMappings { Tables = [.. tables] });
        foreach (var pages in earlier.Pages.OrderBy(page => page.Dirty).Chunk(EventsPerChunk))
            yield return Row(new EarlierMappings { Pages = [.. pages] });

        static TraceEvent Row(EarlierMappings mappings) => new() { Ordinal = 0, Kind = TraceEventKind.EarlierMappings, Detail = EventDetail.Write(mappings) };
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
                foreach (var row in Replaced(0, "inferred: kvm_mmu_zap_all_fast"))
                    yield return row;
                break;
            case FactKind.SlotGone when _slotsGoAlone:
                if (_slots.Select((slot, i) => (slot, i)).FirstOrDefault(known => fact.Gpa >> 12 >= known.slot.FirstGfn && fact.Gpa >> 12 < known.slot.EndGfn) is { slot: not null } found)
                {
                    foreach (var row in Replaced(found.i, SlotGoneAlone))
                        yield return row;
                }

                break;
            case FactKind.SlotGone:
                foreach (var gfn in fact.Zapped)
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.HostInvalidate, Gpa = gfn << 12, Value = 4096 };
                break;
            case FactKind.DirtyLogOn:
                _isLogging = true;
                foreach (var slot in _slots)
                    yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogOn, Gpa = slot.FirstGfn << 12 };
                break;
            case FactKind.DirtyLogGet:
                foreach (var row in LogRead(fact))
                    yield return row;
                break;
            case FactKind.Lost:
                _clean.Clear();
                yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.TablesForgotten };
                break;
            case FactKind.Earlier:
                foreach (var row in Rows(fact.Tables!))
                    yield return row;
                break;
            case FactKind.VmEnd:
                yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.VmEnd };
                break;
            default:
                break;
        }
    }

    private IEnumerable<TraceEvent> LogRead(Fact fact)
    {
        // An entry that becomes clean again was written in between, without a fault: the CPU set its dirty bit.
        foreach (var gfn in fact.Zapped.Where(_clean.Contains))
            yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.GuestPhysicalAccess, Access = AccessKind.Write, Flags = AccessFlags.None, Gpa = gfn << 12 };
        _clean.UnionWith(fact.Zapped);
        foreach (var slot in _slots)
            yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogGet, Gpa = slot.FirstGfn << 12 };
    }

    /// <summary>A memslot is deleted and made again, as it was.</summary>
    private IEnumerable<TraceEvent> Replaced(int number, string name)
    {
        yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Slot = number, Name = name }) };
        yield return Slot(number);
        if (_isLogging)
            yield return new TraceEvent { Ordinal = 0, Kind = TraceEventKind.DirtyLogOn, Gpa = _slots[number].FirstGfn << 12 };
    }

    private TraceEvent Access(Fact fact)
    {
        var invalidated = Guest(fact.Ranges, []).Select(range => new HostRange(range.Gpa, range.Length)).ToList();
        // What lines say need not be so: a frame beyond what CPUs address backs nothing, and one that is not aligned as the guest's is no part of a huge page.
        var pages = fact.Pages.Where(page => page.Pfn < 1UL << PfnBits).ToList();
        var level = Math.Clamp(fact.Level, 1, 3);
        while (level > 1 && pages.Exists(page => ((page.Gfn ^ page.Pfn) & ((1UL << (9 * (level - 1))) - 1)) != 0))
            level--;
        var answer = new HostAnswer { Level = level, Pages = pages, Invalidated = invalidated.Count > 0 ? invalidated : null };
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
