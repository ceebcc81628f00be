using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>A write that one line showed, and of which the next may tell more: its tracepoint, the frame it translates.</summary>
internal struct PendingWrite
{
    public ObservedPage Page;
    public int Index;
    public ulong Gfn;
    public ulong Old;
    public ulong New;
    public long Seq;
    public long Ordinal;
    public int ChainId;
    public int FaultId;
    public int ExitId;
    public KvmFunction Function;
    public Tracepoint Tracepoint;
}

/// <summary>How far an exit is understood: some reasons concern the MMU only if the next lines say so.</summary>
internal enum PendingExit
{
    None = 0,

    /// <summary>It is one; the next lines may tell an address or a value.</summary>
    Certain = 1,

    /// <summary>EXCEPTION_NMI of an old kernel: a #PF if kvm_page_fault follows.</summary>
    IfPageFault = 2,

    /// <summary>A write to an MSR: EFER if kvm_msr says so.</summary>
    IfEfer = 3,
}
