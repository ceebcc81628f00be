using System.Runtime.CompilerServices;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.History;

/// <summary>
/// Where the model reports everything it does. Stamps each record with the place in history, the trace event, the exit, the fault and
/// the call chain it belongs to; hashes it; hands it on.
/// </summary>
/// <param name="observer">Sees all of it.</param>
/// <param name="kernel">Whose names functions have; null for those of 6.1.</param>
public sealed class Journal(IHistory observer, Kvm.KvmBehaviour? kernel = null)
{
    private const int NotesReportedPerKind = 1000;

    private readonly ChainTree _chains = new(kernel?.Renamed);
    private readonly long[] _noteCounts = new long[Enum.GetValues<ModelNote>().Length + 1];
    private readonly ModelNoteRecord[] _firstNotes = new ModelNoteRecord[Enum.GetValues<ModelNote>().Length + 1];
    private long _seq;
    private int _chain;
    private int _exits;
    private int _faults;
    private int _writesAtFaultStart;
    private readonly GuestContext[] _contexts = new GuestContext[byte.MaxValue + 1];
    private FaultRecord _openFault;

    public HistoryHash Hash { get; } = new();

    /// <summary>Ordinal of the trace event being replayed.</summary>
    public long Ordinal { get; set; }

    /// <summary>The vCPU on whose behalf the model acts.</summary>
    public byte Vcpu { get; set; }

    /// <summary>The host acts, not a vCPU's thread.</summary>
    public bool ActsForHost { get; set; }

    /// <summary>On whose behalf the model acts: a vCPU, or below 0 the host.</summary>
    public int Requester => ActsForHost ? -1 : Vcpu;

    /// <summary>Which guest the model acts for, and under which MMU.</summary>
    public GuestContext Context => ActsForHost ? GuestContext.Unknown : _contexts[Vcpu];

    /// <summary>Rip of the instruction being replayed, 0 where the capture has none.</summary>
    public ulong Rip { get; set; }

    /// <summary>The trace event being replayed is a #PF that the capture saw reach the guest.</summary>
    public bool ReplaysGuestFault { get; set; }

    /// <summary>The exit being handled, or -1.</summary>
    public int ExitId { get; private set; } = -1;

    /// <summary>The fault being handled, or -1.</summary>
    public int FaultId { get; private set; } = -1;

    /// <summary>Place in history of the latest record. An access that moved it left records: see <see cref="Access"/>.</summary>
    public long Seq => _seq;

    /// <summary>Table writes so far.</summary>
    public int Writes { get; private set; }

    public int Exits => _exits;

    public int Faults => _faults;

    /// <summary>The innermost function entered.</summary>
    public KvmFunction CurrentFunction => _chains.Function(_chain);

    /// <summary>How often each <see cref="ModelNote"/> occurred, by its number.</summary>
    public ReadOnlySpan<long> NoteCounts => _noteCounts;

    /// <summary>The first of each <see cref="ModelNote"/>, by its number.</summary>
    public ReadOnlySpan<ModelNoteRecord> FirstNotes => _firstNotes;

    /// <summary>Enters a function of KVM until the scope is disposed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FunctionScope Enter(KvmFunction function)
    {
        var caller = _chain;
        _chain = _chains.Child(caller, function);
        return new FunctionScope(this, caller);
    }

    internal void ReturnTo(int caller) => _chain = caller;

    /// <summary>Opens an exit; the returned scope closes it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ExitScope BeginExit(ExitReason reason, ulong info1, ulong info2)
    {
        Invariant.Holds(ExitId < 0, "an exit was opened inside another");
        ExitId = _exits++;
        ref var record = ref Hash.Next<VmExitRecord>(1, VmExitRecord.NotHashed);
        record = new VmExitRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Info1 = info1,
            Info2 = info2,
            ExitId = ExitId,
            Reason = reason,
            Vcpu = Vcpu,
            Context = _contexts[Vcpu],
        };
        if (Rip == 0)
            observer.OnExit(record);
        else
            observer.OnExit(record with { Rip = Rip });
        return new ExitScope(this);
    }

    internal void EndExit() => ExitId = -1;

    /// <summary>Opens a fault. It is reported by <see cref="EndFault"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void BeginFault(ulong address, ulong gva, ulong errorCode, KvmFunction handler, AccessKind access)
    {
        Invariant.Holds(FaultId < 0, "a fault was opened inside another");
        FaultId = _faults++;
        _writesAtFaultStart = Writes;
        _openFault = new FaultRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Address = address,
            Gva = gva,
            ErrorCode = errorCode,
            FaultId = FaultId,
            ExitId = ExitId,
            Handler = handler,
            Access = access,
            Vcpu = Vcpu,
            Context = _contexts[Vcpu],
        };
    }

    /// <summary>Closes the fault and reports it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EndFault(RetPf outcome, int mappedLevel)
    {
        ref var record = ref Hash.Next<FaultRecord>(2, FaultRecord.NotHashed);
        record = _openFault.Closed(outcome, (byte)mappedLevel, Writes - _writesAtFaultStart);
        FaultId = -1;
        if (Rip == 0)
            observer.OnFault(record);
        else
            observer.OnFault(record with { Rip = Rip });
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Write(int tableId, int level, int index, ulong gfn, ulong old, ulong value, Actor actor, Tracepoint tracepoint, GuestContext context = GuestContext.L1)
    {
        Writes++;
        ref var record = ref Hash.Next<TableWrite>(3, TableWrite.NotHashed);
        record = new TableWrite
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Gfn = gfn,
            Old = old,
            New = value,
            FaultId = FaultId,
            ExitId = ExitId,
            TableId = tableId,
            ChainId = actor == Actor.Kvm ? ReportedChain() : 0,
            Index = (ushort)index,
            Function = actor == Actor.Kvm ? CurrentFunction : KvmFunction.None,
            Level = (byte)level,
            Vcpu = Vcpu,
            Actor = actor,
            Tracepoint = tracepoint,
            Context = context,
        };
        observer.OnWrite(record);
    }

    /// <summary>Reports an operation on a table page; the caller fills what describes the page.</summary>
    public void TablePage(in TablePageRecord page)
    {
        ref var record = ref Hash.Next<TablePageRecord>(4, TablePageRecord.NotHashed);
        record = page with
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            FaultId = FaultId,
            ExitId = ExitId,
            ChainId = ReportedChain(),
            Vcpu = Vcpu,
        };
        observer.OnTablePage(record);
    }

    public void Root(RootOperation operation, int tableId, ulong value)
    {
        ref var record = ref Hash.Next<RootRecord>(5, RootRecord.NotHashed);
        record = new RootRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Value = value,
            TableId = tableId,
            ExitId = ExitId,
            ChainId = ReportedChain(),
            Operation = operation,
            Vcpu = Vcpu,
            Context = Context,
        };
        observer.OnRoot(record);
    }

    /// <summary>Reports an attempt to resolve a fault without the lock.</summary>
    public void FastFault(TablePage page, int index, Spte old, RetPf outcome) => observer.OnFastFault(new FastFaultRecord
    {
        Seq = _seq,
        Ordinal = Ordinal,
        TableId = page.Id,
        Level = page.Level,
        Index = index,
        Old = old.Raw,
        New = page[index].Raw,
        Outcome = outcome,
        ChainId = ReportedChain(),
    });

    /// <param name="kind">What is flushed.</param>
    /// <param name="start">Of a range or an address.</param>
    /// <param name="pages">Of a range.</param>
    /// <param name="requester">Who asked first, where that is another than who acts: a vCPU, or below 0 the host.</param>
    /// <param name="targets">vCPUs that must flush.</param>
    public void Flush(FlushKind kind, ulong start = 0, ulong pages = 0, int? requester = null, int targets = 1)
    {
        ref var record = ref Hash.Next<TlbFlushRecord>(6, TlbFlushRecord.NotHashed);
        record = new TlbFlushRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Start = start,
            Pages = pages,
            FaultId = FaultId,
            ExitId = ExitId,
            ChainId = ReportedChain(),
            Function = CurrentFunction,
            Kind = kind,
            Vcpu = Vcpu,
            Requester = (short)(requester ?? Requester),
            Targets = (ushort)targets,
            Context = Context,
        };
        observer.OnFlush(record);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Rmap(RmapOperation operation, ulong gfn, int tableId, int index, int level, int childId = 0)
    {
        ref var record = ref Hash.Next<RmapRecord>(7);
        record = new RmapRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Gfn = gfn,
            TableId = tableId,
            ChildId = childId,
            FaultId = FaultId,
            ChainId = ReportedChain(),
            Index = (ushort)index,
            Operation = operation,
            Level = (byte)level,
        };
        observer.OnRmap(record);
    }

    /// <summary>A #PF reaches the guest: delivered by the CPU, or injected by KVM out of the exit being handled.</summary>
    public void GuestFault(ulong gva, uint errorCode)
    {
        ref var record = ref Hash.Next<GuestFaultRecord>(8, GuestFaultRecord.NotHashed);
        record = new GuestFaultRecord
        {
            Seq = ++_seq,
            Ordinal = Ordinal,
            Gva = gva,
            ExitId = ExitId,
            ErrorCode = errorCode,
            Vcpu = Vcpu,
            Recorded = ReplaysGuestFault ? (byte)1 : (byte)0,
            Context = _contexts[Vcpu],
        };
        observer.OnGuestFault(record with { Rip = Rip });
    }

    /// <summary>Counts a note and, up to a limit per kind, reports it. Notes stay out of the hash: they speak of the capture, not of KVM.</summary>
    public void Note(ModelNote kind, ulong gva, ulong recorded, ulong modelled)
    {
        var before = _noteCounts[(int)kind]++;
        if (before >= NotesReportedPerKind)
            return;
        var record = new ModelNoteRecord
        {
            Seq = _seq,
            Ordinal = Ordinal,
            Gva = gva,
            Recorded = recorded,
            Modelled = modelled,
            Kind = kind,
            Vcpu = Vcpu,
            Rip = Rip,
            Context = Context,
        };
        if (before == 0)
            _firstNotes[(int)kind] = record;
        observer.OnNote(record);
    }

    /// <summary>Reports an access whose replay left records. Accesses stay out of the hash: they are the capture's, and the same in every mode.</summary>
    public void Access(in AccessRecord record) => observer.OnAccess(record with { Ordinal = Ordinal, Vcpu = Vcpu });

    /// <summary>A vCPU goes on as another guest, or under another MMU.</summary>
    internal void SetContext(int vcpu, GuestContext context) => _contexts[vcpu] = context;

    /// <summary>Reports how the vCPU stands.</summary>
    internal void GuestState(in GuestStateRecord record) =>
        observer.OnGuestState(record with { Seq = _seq, Ordinal = Ordinal, ExitId = ExitId, Vcpu = Vcpu });

    /// <summary>Reports what a page of the guest's tables holds.</summary>
    internal void GuestEntry(ulong gfn, int index, ulong value) =>
        observer.OnGuestEntry(new GuestEntryRecord { Ordinal = Ordinal, Gfn = gfn, Index = index, Value = value });

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int ReportedChain()
    {
        if (!_chains.IsReported(_chain))
            ReportChain();
        return _chain;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReportChain()
    {
        _chains.SetReported(_chain);
        observer.OnChain(_chain, _chains.Functions(_chain));
    }
}
