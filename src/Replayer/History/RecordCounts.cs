namespace Replay.Replayer.History;

/// <summary>How many records a history has of each kind, and of each sort of a kind.</summary>
public sealed class RecordCounts
{
    private readonly long[] _exits = new long[256];
    private readonly long[] _outcomes = new long[256];
    private readonly long[] _pages = new long[256];
    private readonly long[] _shadowPages = new long[256];
    private readonly long[] _flushes = new long[256];
    private readonly long[] _roots = new long[256];

    /// <summary>Accesses that left records.</summary>
    public long Accesses { get; private set; }

    /// <summary>Page faults that reached the guest.</summary>
    public long GuestFaults { get; private set; }

    /// <summary>Those of them that KVM injected; the others the CPU delivered by itself.</summary>
    public long GuestFaultsInjected { get; private set; }

    /// <summary>Faults that KVM counts as taken: an access to a device that is known is none.</summary>
    public long FaultsTaken { get; private set; }

    public long Exits => Sum(_exits);

    public long Faults => Sum(_outcomes);

    public long Flushes => Sum(_flushes);

    public long Of(ExitReason reason) => _exits[(byte)reason];

    public long Of(RetPf outcome) => _outcomes[(byte)outcome];

    public long Of(PageOperation operation) => _pages[(byte)operation];

    public long Of(FlushKind kind) => _flushes[(byte)kind];

    public long Of(RootOperation operation) => _roots[(byte)operation];

    /// <summary>Operations on pages that are neither the TDP MMU's nor special roots.</summary>
    public long OfShadowPages(PageOperation operation) => _shadowPages[(byte)operation];

    public void Count(in VmExitRecord record) => _exits[(byte)record.Reason]++;

    public void Count(in FaultRecord record)
    {
        _outcomes[(byte)record.Outcome]++;
        FaultsTaken += record.Handler == KvmFunction.HandleMmioPageFault ? 0 : 1;
    }

    public void Count(in TablePageRecord record)
    {
        _pages[(byte)record.Operation]++;
        _shadowPages[(byte)record.Operation] += record.IsTdp == 0 && record.IsSpecial == 0 ? 1 : 0;
    }

    public void Count(in TlbFlushRecord record) => _flushes[(byte)record.Kind]++;

    public void Count(in RootRecord record) => _roots[(byte)record.Operation]++;

    public void Count(in GuestFaultRecord record)
    {
        GuestFaults++;
        GuestFaultsInjected += record.ExitId >= 0 ? 1 : 0;
    }

    public void CountAccesses(int count) => Accesses += count;

    /// <summary>What there is of each sort, in the order of their numbers; sorts that do not occur are left out.</summary>
    public static SortedDictionary<T, long> BySort<T>(Func<T, long> count)
        where T : struct, Enum
    {
        ArgumentNullException.ThrowIfNull(count);
        var counts = new SortedDictionary<T, long>();
        foreach (var sort in Enum.GetValues<T>())
        {
            if (count(sort) is not 0 and var times)
                counts[sort] = times;
        }

        return counts;
    }

    private static long Sum(long[] counts)
    {
        var sum = 0L;
        foreach (var count in counts)
            sum += count;
        return sum;
    }
}
