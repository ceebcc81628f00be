namespace Replay.Recorder.Ftrace;

/// <summary>What a trace tells of the host that it was recorded on. What it does not tell is null or <see cref="HostPaging.Unknown"/>.</summary>
public sealed record HostFindings
{
    /// <summary>Events looked at.</summary>
    public long Events { get; init; }

    /// <summary>Not the whole trace was looked at.</summary>
    public bool IsPartial { get; init; }

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
    public IReadOnlyDictionary<long, int> VcpuOfThread { get; init; } = new Dictionary<long, int>();

    /// <summary>The VMs whose vCPUs the trace shows, in the order of their threads.</summary>
    public IReadOnlyList<TracedVm> Vms { get; init; } = [];

    /// <summary>Names of the tracepoints that were seen.</summary>
    public IReadOnlyCollection<string> EventNames { get; init; } = [];

    /// <summary>What the entries look like: true EPT, false x86, null undecided.</summary>
    public bool? EntriesAreEpt { get; init; }

    /// <summary>Faults were seen whose error codes are those of #PF.</summary>
    public bool HasPlainFaults { get; init; }

    /// <summary>Functions whose entry is probed.</summary>
    public IReadOnlyCollection<string> ProbedEntries { get; init; } = [];

    /// <summary>Functions whose return is probed.</summary>
    public IReadOnlyCollection<string> ProbedReturns { get; init; } = [];

    /// <summary>What each finding rests on, in words.</summary>
    public IReadOnlyList<string> Reasons { get; init; } = [];
}

/// <summary>One VM of a trace.</summary>
/// <param name="Name">Its process where lines show that, else its first vCPU's thread; the machine before it in a trace put together of several.</param>
/// <param name="Process">The process; 0: not shown.</param>
/// <param name="Threads">Threads that entered its vCPUs.</param>
public sealed record TracedVm(string Name, int Process, IReadOnlyList<long> Threads);
