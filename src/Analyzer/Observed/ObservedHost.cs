using Replay.Analyzer.Store;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Observed;

/// <summary>
/// What must be known of a host to read its trace: the same number in kvm_page_fault is an exit qualification on Intel with EPT,
/// EXITINFO1 on AMD with NPT, and a #PF error code with shadow paging.
/// </summary>
public sealed record ObservedHost
{
    /// <summary>Where Linux maps all memory unless it randomises the place.</summary>
    public const ulong DefaultDirectMap = 0xffff_8880_0000_0000;

    private const ulong EptMmioMask = 7;
    private const ulong EptMmioValue = 6;
    private const ulong X86Mmio = 1UL << 51 | 1;

    public required bool IsIntel { get; init; }

    public required ObservedPaging Paging { get; init; }

    /// <summary>The TDP MMU builds the tables.</summary>
    public required bool UsesTdpMmu { get; init; }

    /// <summary>Entries have no MMU_PRESENT bit (Linux before 5.13).</summary>
    public bool PresentByRights { get; init; }

    /// <summary>Whose numbers the trace's outcomes are.</summary>
    public KvmBehaviour Kernel { get; init; } = KvmBehaviour.Linux61;

    /// <summary>page_offset_base: the address at which the kernel maps host-physical address 0.</summary>
    public ulong DirectMap { get; init; } = DefaultDirectMap;

    public bool IsTwoDimensional => Paging != ObservedPaging.Shadow;

    /// <summary>The mode that a model of this host would have, such as <c>ept-tdp</c>.</summary>
    public string ModeName => Paging switch
    {
        ObservedPaging.Ept => UsesTdpMmu ? "ept-tdp" : "ept",
        ObservedPaging.Npt => UsesTdpMmu ? "npt-tdp" : "npt",
        _ => "shadow",
    };

    /// <summary>How its entries are told apart.</summary>
    public EntryClassifier Entries => Paging == ObservedPaging.Ept
        ? new(true, EptMmioMask, EptMmioValue, PresentByRights, HasGaps: true)
        : new(false, X86Mmio, X86Mmio, PresentByRights, HasGaps: true);

    /// <summary>Bits of an entry that the CPU sets.</summary>
    internal ulong HardwareBits => Paging == ObservedPaging.Ept ? 0x300UL : 0x60UL;
}

/// <summary>How the observed host translates the guest's addresses.</summary>
public enum ObservedPaging
{
    Ept = 1,
    Npt = 2,
    Shadow = 3,
}

/// <summary>Whether the source of an observed run could see a fact.</summary>
/// <param name="Fact">Which fact.</param>
/// <param name="Shown"><c>yes</c>, <c>partly</c>, <c>derived</c> from what is shown, or <c>no</c>.</param>
/// <param name="Source">The events that show it, or what would.</param>
public sealed record Capability(string Fact, string Shown, string Source);

/// <summary>What is known of a trace before it is read through.</summary>
/// <param name="ProbedEntries">Functions that probes stand on.</param>
/// <param name="ProbedReturns">Functions whose return is probed.</param>
/// <param name="VcpuOfThread">The vCPU that each thread enters first.</param>
/// <param name="Events">Names of tracepoints that it has.</param>
public sealed record TraceOutlook(
    IReadOnlyCollection<string> ProbedEntries,
    IReadOnlyCollection<string> ProbedReturns,
    IReadOnlyDictionary<long, int> VcpuOfThread,
    IReadOnlyCollection<string> Events);
