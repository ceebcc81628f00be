using System.Text;
using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Makes a history of a trace's events: the same rows that a run of the model has, as far as the trace shows them.</summary>
public sealed class ObservedTraceMapper : TracepointSink
{
    private readonly IObservedHistory _history;
    private readonly FieldsKept _kept;
    private readonly IReadOnlySet<int>? _pids;
    private readonly ObservedHost _host;
    private readonly Scribe _scribe;
    private readonly ObservedPages _pages;
    private readonly ExitFollower _exits;
    private readonly PageFollower _pageFollower;
    private readonly EntryFollower _entries;
    private readonly ProbeFollower _probes;
    private readonly NestedFollower _nested;
    private readonly Sightings _sightings = new();
    private readonly GuestCr3Log _cr3s = new();
    private readonly FieldsJson _json = new();
    private readonly Dictionary<long, ObservedThread> _threads = [];
    private readonly Dictionary<(long Thread, ulong Name), int> _tasks = [];
    private readonly List<string> _taskNames = [];
    private ObservedThread _thread = new();
    private long _threadKey = -1;
    private int _threadTask;
    private long _skipped;

    /// <param name="history">Where it goes.</param>
    /// <param name="host">The host that the trace is of.</param>
    /// <param name="outlook">What is known of the trace beforehand.</param>
    /// <param name="kept">Of which events the fields are stored.</param>
    /// <param name="pids">Threads whose events make rows; null: all.</param>
    public ObservedTraceMapper(
        IObservedHistory history,
        ObservedHost host,
        TraceOutlook? outlook = null,
        FieldsKept kept = FieldsKept.Unmapped,
        IReadOnlySet<int>? pids = null)
    {
        _history = history;
        _kept = kept;
        _pids = pids;
        _host = host;
        _scribe = new Scribe(history);
        _pages = new ObservedPages(host);
        _exits = new ExitFollower(
            host,
            _scribe,
            new ShownEvents(outlook?.Events.Any(name => name is "kvm_mmu_set_spte" or "kvm_tdp_mmu_spte_changed") ?? false, outlook?.Events.Contains("kvm_mmu_spte_requested") ?? false));
        _nested = new NestedFollower(_scribe, _exits, outlook?.Events.Contains("kvm_nested_vmexit") ?? false);
        _pageFollower = new PageFollower(host, _scribe, _pages);
        _entries = new EntryFollower(host, _scribe, _pages, _pageFollower);
        _probes = new ProbeFollower(host, _scribe, _pages, _exits, _entries, _pageFollower);
        if (outlook is null)
            return;
        _probes.Expect(outlook);
        _pageFollower.RootsAreProbed = outlook.ProbedReturns.Contains("mmu_alloc_root") || outlook.ProbedReturns.Contains("kvm_tdp_mmu_get_vcpu_root_hpa");
        foreach (var (pid, vcpu) in outlook.VcpuOfThread)
            _threads[pid] = new ObservedThread { Vcpu = VcpuNumber(vcpu) };
    }

    /// <summary>Loads of CR3 that lines show.</summary>
    public IReadOnlyList<GuestCr3> GuestCr3s => _cr3s.Loads;

    /// <summary>Hash of the history so far.</summary>
    public string Hash => _scribe.Hash;

    /// <summary>Records so far.</summary>
    public long Records => _scribe.Seq;

    public IReadOnlyList<long> NoteCounts => _scribe.NoteCounts;

    public IReadOnlyList<TraceNameRow> Names => _sightings.Names;

    public IReadOnlyList<string> Tasks => _taskNames;

    /// <summary>Events told to it.</summary>
    public long Events { get; private set; }

    /// <summary>Events of threads that were not asked for.</summary>
    public long Skipped => _skipped;

    public IReadOnlyList<Capability> Capabilities => _sightings.Capabilities(_host);

    /// <summary>The trace is over: tells what still waits.</summary>
    public void Finish()
    {
        foreach (var (_, thread) in _threads.OrderBy(pair => pair.Key))
        {
            _entries.EndLink(thread);
            _entries.Tell(thread);
            _exits.Finish(thread, FaultEnding.Unseen);
        }
    }

    /// <summary>A line of the trace could not be used.</summary>
    public void OnDamaged(long line) => _scribe.Note(ModelNote.DamagedLine, (ulong)line);

    /// <summary>An event of a thread of the host that works for no VM in particular.</summary>
    public void OnHostEvent(in TraceLine line) => Take(line, mapped: false);

    /// <summary>An entry that a line changes is one of this VM's: its page holds the old value.</summary>
    public bool Holds(in SpteChangedFields fields) => _pages.Holds(fields.Level, fields.Gfn, fields.Old);

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        if (!Take(line, mapped: true))
            return;
        Break();
        _exits.Finish(_thread, FaultEnding.GuestGoesOn);
        SetVcpu(fields.Vcpu);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        if (!Take(line, mapped: true))
            return;
        Break();
        if (fields.Vcpu is { } vcpu)
            SetVcpu(vcpu);
        _exits.Exit(_thread, fields, _nested);
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        if (!Take(line, mapped: true))
            return;
        Break();
        if (fields.Vcpu is { } vcpu)
            SetVcpu(vcpu);
        _exits.PageFault(_thread, fields);
    }

    public override void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields)
    {
        if (!Take(line, fields.IsPageFault && !fields.Reinjected))
            return;
        Break();
        _exits.GuestFault(_thread, fields);
    }

    public override void OnControlRegister(in TraceLine line, in ControlRegisterFields fields)
    {
        if (!Take(line, mapped: false))
            return;
        ExitFollower.ControlRegister(_thread, fields);
        if (fields is { IsWrite: true, Register: 3 })
            Cr3(line.Ordinal, fields.Value);
    }

    public override void OnMsr(in TraceLine line, in MsrFields fields)
    {
        if (Take(line, mapped: false))
            _exits.Msr(_thread, fields);
    }

    public override void OnMmio(in TraceLine line, in MmioFields fields)
    {
        if (Take(line, mapped: false) && _thread.Exit.Reason == ExitReason.EptMisconfig)
            ExitFollower.Address(_thread, fields.Gpa);
    }

    public override void OnPage(in TraceLine line, in PageFields fields)
    {
        if (!Take(line, mapped: true))
            return;
        _entries.Tell(_thread);
        _pageFollower.Page(_thread, line.Name.Kind, fields);
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        if (!Take(line, mapped: true))
            return;
        _entries.EndLink(_thread);
        _entries.Set(_thread, fields);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        if (Take(line, mapped: true))
            _entries.Changed(_thread, fields);
    }

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields)
    {
        if (Take(line, mapped: false))
            _thread.RequestedGfn = fields.Gfn;
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        if (!Take(line, mapped: false))
            return;
        _entries.EndLink(_thread);
        _entries.MarkMmio(_thread, fields);
    }

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields)
    {
        if (!Take(line, mapped: false))
            return;
        Break();
        _exits.Misconfiguration(_thread, fields.Gfn << 12 | (fields.Address & 0xfff), PageFaultReserved);
        ExitFollower.Outcome(_thread, RetPf.Emulate);
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        if (Take(line, mapped: true))
            _entries.FastPageFault(_thread, fields);
    }

    public override void OnGuestWalk(in TraceLine line, in GuestWalkFields fields)
    {
        if (!Take(line, mapped: false))
            return;
        if (line.Name.Kind == TracepointKind.WalkerError)
            _thread.WalkFailed = true;
        else
            _thread.WalkedAddress = fields.Address;
    }

    public override void OnProbe(in TraceLine line, in ProbeFields fields)
    {
        if (!Take(line, mapped: false))
            return;
        _sightings.Probe(line.Name, fields);
        // Of a VMX guest the field of KVM's vCPU is no later than when KVM last asked for it.
        if (!(_host.IsIntel && _host.IsTwoDimensional) && fields.TryGet("cr3"u8, out var cr3))
            Cr3(line.Ordinal, cr3);
        _probes.Probe(_thread, fields);
    }

    public override void OnOther(in TraceLine line)
    {
        if (!Take(line, mapped: false))
            return;
        if (_nested.TryTake(_thread, line.Name.Text, line.Text))
            return;
        switch (line.Name.Text)
        {
            case "kvm_userspace_exit":
                Break();
                _exits.Finish(_thread, line.Text.StartsWith("reason error"u8) ? FaultEnding.Error : FaultEnding.GuestGoesOn);
                break;
            case "kvm_emulate_insn" when (byte)_thread.Fault.Outcome == Unseen.Byte:
                ExitFollower.Outcome(_thread, RetPf.Emulate);
                break;
            default:
                break;
        }
    }

    public override void OnLost(long ordinal, long line, int cpu, long events)
    {
        _scribe.Ordinal = ordinal;
        // What each thread was doing may have gone on unseen: nothing after this belongs to it for certain.
        foreach (var (_, thread) in _threads.OrderBy(pair => pair.Key))
        {
            _entries.EndLink(thread);
            _entries.Tell(thread);
            _exits.Finish(thread, FaultEnding.Unseen);
            thread.Running = GuestContext.Unknown;
            thread.Nested = GuestContext.Unknown;
        }

        _scribe.Note(ModelNote.LostEvents, events < 0 ? Unseen.Word : (ulong)events);
    }

    private const ulong PageFaultReserved = 8;

    /// <summary>Stores the event, and makes its thread the current one. False: it is not asked for.</summary>
    private bool Take(in TraceLine line, bool mapped)
    {
        _scribe.Ordinal = line.Ordinal;
        Events++;
        _sightings.Count(line.Name);
        if (line.Thread != _threadKey)
            Switch(line);
        var fields = _kept == FieldsKept.All || (_kept == FieldsKept.Unmapped && !mapped) ? _json.Of(line.Text) : default;
        _history.OnTraceEvent(new TraceEventRow(line.Ordinal, line.Line, line.Time, line.Cpu, line.Pid, _threadTask, line.Name.Id), fields);
        if (_thread.ChainOutsideStack is { } outside)
            (_thread.Chain, _thread.ChainOutsideStack) = (outside, null);
        if (!line.Stack.IsEmpty)
        {
            _sightings.Stack();
            (_thread.ChainOutsideStack, _thread.Chain) = (_thread.Chain, _scribe.Chains.OfStack(line.Stack));
        }

        if (_pids is null || _pids.Contains(line.Pid))
            return true;
        _skipped++;
        return false;
    }

    private void Switch(in TraceLine line)
    {
        if (!_threads.TryGetValue(line.Thread, out var thread))
        {
            thread = new ObservedThread();
            _threads[line.Thread] = thread;
        }

        _thread = thread;
        _threadKey = line.Thread;
        var key = (line.Thread, System.IO.Hashing.XxHash3.HashToUInt64(line.Task));
        if (!_tasks.TryGetValue(key, out _threadTask))
        {
            _threadTask = _taskNames.Count;
            _tasks[key] = _threadTask;
            var name = Encoding.Latin1.GetString(line.Task);
            _taskNames.Add(line.Source.IsEmpty ? name : $"{Encoding.Latin1.GetString(line.Source)}: {name}");
        }
    }

    /// <summary>What waited for the thread's next line is over.</summary>
    private void Break()
    {
        _entries.EndLink(_thread);
        _entries.Tell(_thread);
    }

    private void Cr3(long ordinal, ulong value)
    {
        if (_thread.Vcpu != Unseen.Byte)
            _cr3s.Load(ordinal, _thread.Vcpu, value);
    }

    private void SetVcpu(int vcpu) => _thread.Vcpu = VcpuNumber(vcpu);

    private static byte VcpuNumber(int vcpu) => vcpu is >= 0 and < Unseen.Byte ? (byte)vcpu : Unseen.Byte;
}
