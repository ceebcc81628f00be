namespace Replay.Analyzer.Observed;

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
