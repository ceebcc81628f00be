namespace Replay.Recorder.Ftrace;

/// <summary>What a trace tells of the host that it was recorded on. What it does not tell is null or <see cref="HostPaging.Unknown"/>.</summary>
public sealed record HostFindings
{
    /// <summary>Events looked at.</summary>
    public long Events { get; init; }

    /// <summary>Lines name entries by virtual addresses, so that it matters where the kernel maps all memory.</summary>
    public bool HasVirtualAddresses { get; init; }

    /// <summary>True: kvm_intel. False: kvm_amd.</summary>
    public bool? IsIntel { get; init; }

    public HostPaging Paging { get; init; }

    /// <summary>The TDP MMU builds the tables.</summary>
    public bool? UsesTdpMmu { get; init; }

    /// <summary>Entries have no MMU_PRESENT bit: a kernel before 5.13. An entry with rights is present.</summary>
    public bool PresentByRights { get; init; }

    /// <summary>Where the kernel maps all memory (page_offset_base), from an entry shown under both of its addresses.</summary>
    public ulong? DirectMap { get; init; }

    /// <summary>Kernels whose lines look so, such as <c>6.0 or later</c>.</summary>
    public string Kernel { get; init; } = "unknown";

    /// <summary>The vCPU that each thread enters first.</summary>
    public IReadOnlyDictionary<int, int> VcpuOfThread { get; init; } = new Dictionary<int, int>();

    /// <summary>vCPUs that more than one thread entered: the trace may hold more than one VM.</summary>
    public IReadOnlyList<int> SharedVcpus { get; init; } = [];

    /// <summary>Functions whose entry is probed.</summary>
    public IReadOnlyCollection<string> ProbedEntries { get; init; } = [];

    /// <summary>Functions whose return is probed.</summary>
    public IReadOnlyCollection<string> ProbedReturns { get; init; } = [];

    /// <summary>What each finding rests on, in words.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];
}
