using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Diff;

/// <summary>A run written record by record, so that a test can say exactly what a side did.</summary>
internal sealed class HandMadeRun : IDisposable
{
    private static readonly KvmFunction[] Chains = [KvmFunction.None, KvmFunction.MmuSetSpte, KvmFunction.LinkShadowPage, KvmFunction.DirectPtePrefetch];

    private readonly HistoryStore _store;
    private long _seq;
    private int _exits;
    private int _faults;

    public HandMadeRun(HistoryFile file, MmuMode mode, StoreOptions? options = null, Func<RunInfo, RunInfo>? change = null)
    {
        var info = SampleHistory.Info with { Mode = mode };
        _store = file.BeginRun(change is null ? info : change(info), options);
        for (var chain = 1; chain < Chains.Length; chain++)
            _store.OnChain(chain, [Chains[chain]]);
    }

    public static ulong Leaf(ulong pfn) => pfn << 12 | 0x0600_0000_0000_0b77;

    public void Dispose() => _store.Dispose();

    public HandMadeRun Exit(long ordinal, ExitReason reason, ulong info2 = 0)
    {
        _store.OnExit(new VmExitRecord { Seq = ++_seq, Ordinal = ordinal, ExitId = _exits++, Reason = reason, Info2 = info2 });
        return this;
    }

    public HandMadeRun Fault(long ordinal, ulong gpa, int level = 1, RetPf outcome = RetPf.Fixed)
    {
        _store.OnFault(new FaultRecord
        {
            Seq = ++_seq,
            Ordinal = ordinal,
            FaultId = _faults++,
            ExitId = _exits - 1,
            Address = gpa,
            Gva = gpa,
            Handler = KvmFunction.KvmTdpPageFault,
            Outcome = outcome,
            MappedLevel = (byte)level,
            Access = AccessKind.Write,
        });
        return this;
    }

    public HandMadeRun Table(long ordinal, int id, int level)
    {
        _store.OnTablePage(new TablePageRecord { Seq = ++_seq, Ordinal = ordinal, TableId = id, Level = (byte)level, Pfn = (ulong)(0x9000 + id), Operation = PageOperation.Create, FaultId = -1, ExitId = -1 });
        return this;
    }

    /// <param name="ordinal">When.</param>
    /// <param name="gfn">What the entry translates; its low bits are the index.</param>
    /// <param name="value">What is written.</param>
    /// <param name="function">Who writes; none: the CPU.</param>
    /// <param name="level">Of the table, which is number <paramref name="level"/>.</param>
    /// <param name="old">What stood there.</param>
    public HandMadeRun Write(long ordinal, ulong gfn, ulong value, KvmFunction function = KvmFunction.MmuSetSpte, int level = 1, ulong old = 0)
    {
        _store.OnWrite(new TableWrite
        {
            Seq = ++_seq,
            Ordinal = ordinal,
            Gfn = gfn,
            Old = old,
            New = value,
            FaultId = -1,
            ExitId = -1,
            TableId = level,
            Index = (ushort)(gfn & 511),
            Level = (byte)level,
            Function = function,
            ChainId = Array.IndexOf(Chains, function),
            Actor = function == KvmFunction.None ? Actor.Hardware : Actor.Kvm,
        });
        return this;
    }

    public HandMadeRun Flush(long ordinal, FlushKind kind)
    {
        _store.OnFlush(new TlbFlushRecord { Seq = ++_seq, Ordinal = ordinal, Kind = kind, FaultId = -1, ExitId = -1 });
        return this;
    }

    public HandMadeRun Access(long ordinal, ulong gpa)
    {
        _store.OnAccess(new AccessRecord { Ordinal = ordinal, Gva = gpa, Gpa = gpa, HasGpa = 1, Kind = AccessKind.Write, Size = 8 });
        return this;
    }

    /// <param name="hash">Of the history.</param>
    /// <param name="walks">Page walks.</param>
    /// <param name="differing">Translations that were not the capture's.</param>
    public void Complete(string hash, WalkCount[]? walks = null, long differing = 0) => _store.Complete(new RunSummary
    {
        HistoryHash = hash,
        FirstOrdinal = 1,
        LastOrdinal = 100,
        Accesses = 100,
        Walks = walks ?? [],
        Counters = [new("verify_checked", 100, "accesses compared"), new("verify_differing", differing, "of them differing")],
    });
}
