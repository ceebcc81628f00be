using Replay.Trace;
using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>Collects the facts of one VM's trace.</summary>
/// <param name="isEpt">Error codes are exit qualifications, entries have EPT's form.</param>
/// <param name="vcpuOfThread">The vCPU that each thread enters first.</param>
internal sealed class TraceFacts(bool isEpt, IReadOnlyDictionary<long, int> vcpuOfThread) : TracepointSink
{
    private const ulong WriteBit = 2;
    private const ulong NoFrame = 0xfffUL << 52;
    private const ulong NoSlot = 1UL << 63;
    private const int NoVcpu = -1;
    private const uint DirectRole = 1 << 7;
    private const int LowestRootLevel = 4;

    private sealed class ThreadState
    {
        public int Vcpu = NoVcpu;
        public Fact? Fault, Invalidation, DirtyBatch;
        public (ulong Gfn, ulong Pfn)? Requested;
        public bool IsNested;
        public ulong ExitRip;
    }

    private readonly EntryForm _form = new(isEpt);
    private readonly Dictionary<long, ThreadState> _threads = [];
    private readonly List<ulong> _teardownLeaves = [];
    private long _teardown = -1;
    private bool _teardownHasRoot;
    private bool _zapsObsolete;

    public List<Fact> Facts { get; } = [];

    /// <summary>What was there before: where the trace begins, and behind each loss.</summary>
    public List<EarlierTables> Earlier { get; } = [new EarlierTables { Ordinal = -1 }];

    public SortedSet<int> Vcpus { get; } = [];

    /// <summary>Ordinals at which a vCPU went back to userspace.</summary>
    public List<long> UserspaceExits { get; } = [];

    /// <summary>Before the first sign of dirty logging, KVM mapped huge pages or neighbours: it was switched on later.</summary>
    public bool LogsDirtyFromStart { get; private set; } = true;

    public bool LogsDirty { get; private set; }

    /// <summary>The trace has the calls that read and clear the dirty log.</summary>
    public bool HasLogCalls { get; private set; }

    /// <summary>The dirty log is cleared by calls of their own, of ranges that no line shows.</summary>
    public bool ClearsDirtyLog { get; private set; }

    /// <summary>The trace shows entries that are taken away: the TDP MMU's does.</summary>
    public bool ShowsZaps { get; private set; }

    public bool HasHugePages { get; private set; }

    /// <summary>Entries say that accessed and dirty bits are off.</summary>
    public bool HasAdDisabled { get; private set; }

    /// <summary>Faults of nested guests, which are left out.</summary>
    public long NestedFaults { get; private set; }

    public long LastOrdinal { get; private set; }

    /// <summary>The trace is over.</summary>
    public void Finish()
    {
        if (_teardown >= 0 && _teardownHasRoot)
            Facts.Add(new Fact { Kind = FactKind.VmEnd, Ordinal = _teardown });
    }

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        var thread = Close(line);
        thread.Vcpu = fields.Vcpu;
        Vcpus.Add(fields.Vcpu);
        _zapsObsolete = false;
        // The VM goes on: a memslot went, and its mappings alone.
        if (_teardownLeaves.Count > 0 && !_teardownHasRoot)
        {
            var gone = new Fact { Kind = FactKind.SlotGone, Ordinal = _teardown, Gpa = _teardownLeaves[0] << 12 };
            gone.Zapped.AddRange(_teardownLeaves);
            Facts.Add(gone);
        }

        NoTeardown();
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        var thread = Close(line);
        thread.IsNested = false;
        thread.ExitRip = fields.Rip ?? 0;
        if (fields.Vcpu is { } vcpu)
            thread.Vcpu = vcpu;
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        var thread = Close(line);
        if (fields.Vcpu is { } vcpu)
            thread.Vcpu = vcpu;
        if (thread.IsNested)
        {
            NestedFaults++;
            return;
        }

        var code = fields.ErrorCode;
        var isFetch = (code & (isEpt ? 4UL : 16)) != 0;
        thread.Fault = new Fact
        {
            Kind = FactKind.Fault,
            Ordinal = line.Ordinal,
            Vcpu = (byte)Math.Max(0, thread.Vcpu),
            Gpa = fields.Address,
            Access = isFetch ? AccessKind.Fetch : (code & WriteBit) != 0 ? AccessKind.Write : AccessKind.Read,
            IsWalk = isEpt ? (code & 0x180) == 0x80 : (code >> 33 & 1) != 0,
            WasNotPresent = isEpt ? (code & 0x38) == 0 : (code & 1) == 0,
            Rip = fields.Rip ?? thread.ExitRip,
        };
        Facts.Add(thread.Fault);
        // Reserved bits, which only entries for MMIO have.
        if (!isEpt && (code & 8) != 0)
            Earlier[^1].OnMmio(fields.Address >> 12);
    }

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields)
    {
        var thread = Thread(line);
        if (thread.IsNested)
            return;
        if (thread.Fault is null)
        {
            thread.Fault = new Fact { Kind = FactKind.Fault, Ordinal = line.Ordinal, Vcpu = (byte)Math.Max(0, thread.Vcpu), Gpa = fields.Gfn << 12 | (fields.Address & 0xfff), Rip = thread.ExitRip };
            Facts.Add(thread.Fault);
        }

        thread.Fault.IsMmio = true;
        Earlier[^1].OnMmio(fields.Gfn);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        Earlier[^1].OnSet(1, fields.Gfn);
        if (Thread(line).Fault is { } fault)
            fault.IsMmio = true;
    }

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields)
    {
        var thread = Thread(line);
        if (thread.Fault is not { } fault || fault.Gpa >> 12 != fields.Gfn)
            return;
        if ((fields.Pfn & NoFrame) != 0)
        {
            // KVM_PFN_NOSLOT, or an error: there is no page.
            fault.IsMmio |= fields.Pfn == NoSlot;
            return;
        }

        fault.Level = Math.Max(fault.Level, fields.Level);
        thread.Requested = (fields.Gfn, fields.Level > 1 ? fields.Pfn + (fields.Gfn & ((1UL << (9 * (fields.Level - 1))) - 1)) : fields.Pfn);
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        // The TDP MMU's own lines tell; it has this one of entries that were right already, too.
        if (!Thread(line).IsNested && !ShowsZaps)
            Earlier[^1].OnSet(fields.Level, fields.Gfn);
        if (!Thread(line).IsNested)
            Leaf(Thread(line), fields.Gfn, fields.Level, fields.Spte);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        var thread = Thread(line);
        ShowsZaps = true;
        Look(fields, thread);
        if (_form.IsLeaf(fields.New, fields.Level) && thread.Fault is not null)
        {
            Leaf(thread, fields.Gfn, fields.Level, fields.New);
            return;
        }

        if (thread.Fault is not null)
            return;
        var isLeaf = _form.IsLeaf(fields.Old, fields.Level);
        if (isLeaf && _form.IsPresent(fields.New) && _form.IsCleaned(fields.Old, fields.New))
        {
            // No unmapping leaves an entry there: what ran before is over.
            thread.Invalidation = null;
            DirtySign(thread, line.Ordinal, fields.Gfn);
            return;
        }

        if (isLeaf && !_form.IsPresent(fields.New) && thread.Invalidation is { } invalidation)
            invalidation.Zapped.Add(fields.Gfn);
        else if (!_form.IsPresent(fields.New))
            Teardown(line.Ordinal, fields.Level, isLeaf ? fields.Gfn : null);
    }

    private void Look(in SpteChangedFields fields, ThreadState thread)
    {
        // System management mode has tables of its own.
        if (fields.AddressSpace != 0)
            return;
        var (old, level) = (fields.Old, fields.Level);
        HostPage? page = _form.IsLeaf(old, level) ? new HostPage(fields.Gfn, _form.Pfn(old), _form.IsHostWritable(old))
            : _form.IsMmio(old) ? new HostPage(fields.Gfn, 0, false)
            : null;
        Earlier[^1].OnEntry(level, fields.Gfn, page, _form.IsDirty(old) && !Earlier[^1].WasRead(thread.DirtyBatch), _form.IsTable(old, level), _form.IsTable(fields.New, level));
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        if (Thread(line).Fault is not { } fault)
            return;
        if (_form.IsLeaf(fields.Old, 1))
            Earlier[^1].OnMet(new HostPage(fault.Gpa >> 12, _form.Pfn(fields.Old), _form.IsHostWritable(fields.Old)), _form.IsDirty(fields.Old));
        if (fields.Fixed && (fields.Old & WriteBit) == 0 && (fields.New & WriteBit) != 0)
        {
            fault.WasWriteProtected = true;
            fault.Pages.Add(new HostPage(fault.Gpa >> 12, _form.Pfn(fields.New), true));
            LogsDirty = true;
        }
    }

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields)
    {
        var thread = Thread(line);
        NoTeardown();
        if (line.Name.Text is "kvm_test_age_hva" or "kvm_set_spte_hva")
            return;
        var end = Math.Max(fields.End, fields.Start + 4096);
        var isUnmap = line.Name.Text.StartsWith("kvm_unmap", StringComparison.Ordinal);
        if (isUnmap && thread.Fault is { } fault)
        {
            fault.Ranges.Add((fields.Start, end));
            return;
        }

        thread.DirtyBatch = null;
        var fact = new Fact { Kind = isUnmap ? FactKind.Invalidate : FactKind.Age, Ordinal = line.Ordinal };
        fact.Ranges.Add((fields.Start, end));
        Facts.Add(fact);
        thread.Invalidation = isUnmap ? fact : null;
    }

    public override void OnPage(in TraceLine line, in PageFields fields)
    {
        var thread = Thread(line);
        var isDirect = (fields.Role & DirectRole) != 0 && !thread.IsNested;
        if (isDirect && line.Name.Kind == TracepointKind.GetPage && fields.Created)
            Earlier[^1].OnMade((int)(fields.Role & 15), fields.Gfn);
        else if (isDirect && line.Name.Kind == TracepointKind.ZapPage)
            Earlier[^1].OnGone((int)(fields.Role & 15), fields.Gfn, _zapsObsolete);
        if (line.Name.Kind != TracepointKind.ZapPage)
            return;
        thread.Invalidation = null;
        if (thread.Fault is null)
            Facts.Add(new Fact { Kind = FactKind.Zap, Ordinal = line.Ordinal });
        Teardown(line.Ordinal, (int)(fields.Role & 15), null);
    }

    public override void OnOther(in TraceLine line)
    {
        LastOrdinal = line.Ordinal;
        switch (line.Name.Text)
        {
            case "kvm_mmu_zap_all_fast" or "kvm_mmu_invalidate_zap_all_pages":
                Thread(line).Invalidation = null;
                NoTeardown();
                _zapsObsolete = true;
                Facts.Add(new Fact { Kind = FactKind.ZapAll, Ordinal = line.Ordinal });
                break;
            case "kvm_userspace_exit":
                Close(line);
                UserspaceExits.Add(line.Ordinal);
                break;
            case SystemCall.Event or SystemCall.ShortEvent when SystemCall.TryParse(line.Text, out var call):
                OnCall(Thread(line), line.Ordinal, call);
                break;
            case "kvm_nested_vmexit":
                Thread(line).IsNested = true;
                break;
            case "kvm_nested_vmexit_inject" or "kvm_nested_intr_vmexit":
                Thread(line).IsNested = false;
                break;
            default:
                break;
        }
    }

    private void OnCall(ThreadState thread, long ordinal, SystemCallKind call)
    {
        thread.DirtyBatch = null;
        thread.Invalidation = null;
        switch (call)
        {
            case SystemCallKind.SetMemoryRegion:
                Facts.Add(new Fact { Kind = FactKind.SlotCall, Ordinal = ordinal });
                break;
            case SystemCallKind.ClearDirtyLog or SystemCallKind.ResetDirtyRings or SystemCallKind.GetDirtyLog:
                LogsDirty = HasLogCalls = true;
                ClearsDirtyLog |= call != SystemCallKind.GetDirtyLog;
                // Where the log is cleared apart, reading it protects nothing.
                if (call == SystemCallKind.GetDirtyLog && ClearsDirtyLog)
                    break;
                thread.DirtyBatch = new Fact { Kind = FactKind.DirtyLogGet, Ordinal = ordinal, IsCall = true };
                Earlier[^1].OnRead(thread.DirtyBatch);
                Facts.Add(thread.DirtyBatch);
                break;
            default:
                break;
        }
    }

    public override void OnLost(long ordinal, long line, int cpu, long events)
    {
        _threads.Clear();
        NoTeardown();
        Facts.Add(new Fact { Kind = FactKind.Lost, Ordinal = ordinal });
        Earlier.Add(new EarlierTables { Ordinal = ordinal });
    }

    private void Leaf(ThreadState thread, ulong gfn, int level, ulong spte)
    {
        if (thread.Fault is not { } fault)
            return;
        var shift = 9 * (level - 1);
        var asked = fault.Gpa >> 12;
        var isMain = asked >> shift == gfn >> shift;
        var pfn = _form.Pfn(spte);
        var page = isMain ? new HostPage(asked, pfn + (asked & ((1UL << shift) - 1)), _form.IsHostWritable(spte)) : new HostPage(gfn, pfn, _form.IsHostWritable(spte));
        fault.Pages.RemoveAll(known => known.Gfn == page.Gfn);
        fault.Pages.Add(page);
        if (isMain)
            fault.Level = level;
        HasHugePages |= level > 1;
        HasAdDisabled |= _form.IsAdDisabled(spte);
        if (!LogsDirty && (level > 1 || !isMain))
            LogsDirtyFromStart = false;
    }

    private void DirtySign(ThreadState thread, long ordinal, ulong gfn)
    {
        LogsDirty = true;
        if (thread.DirtyBatch is null)
        {
            thread.DirtyBatch = new Fact { Kind = FactKind.DirtyLogGet, Ordinal = ordinal };
            Earlier[^1].OnRead(thread.DirtyBatch);
            Facts.Add(thread.DirtyBatch);
        }

        thread.DirtyBatch.Zapped.Add(gfn);
    }

    /// <summary>Something is taken away outside of faults and invalidations: the end, if a root is among it and no vCPU runs any more.</summary>
    private void Teardown(long ordinal, int level, ulong? leaf)
    {
        if (_teardown < 0)
            _teardown = ordinal;
        _teardownHasRoot |= level >= LowestRootLevel;
        if (leaf is { } gfn)
            _teardownLeaves.Add(gfn);
    }

    private void NoTeardown()
    {
        (_teardown, _teardownHasRoot) = (-1, false);
        _teardownLeaves.Clear();
    }

    private ThreadState Close(in TraceLine line)
    {
        var thread = Thread(line);
        if (thread.Fault is { Pages.Count: 0 } fault && thread.Requested is { } requested)
            fault.Pages.Add(new HostPage(requested.Gfn, requested.Pfn, true));
        thread.Fault = null;
        thread.Requested = null;
        thread.Invalidation = null;
        thread.DirtyBatch = null;
        return thread;
    }

    private ThreadState Thread(in TraceLine line)
    {
        LastOrdinal = line.Ordinal;
        if (_threads.TryGetValue(line.Thread, out var thread))
            return thread;
        thread = new ThreadState { Vcpu = vcpuOfThread.TryGetValue(line.Thread, out var vcpu) ? vcpu : NoVcpu };
        _threads[line.Thread] = thread;
        return thread;
    }
}
