using Replay.Replayer.History;

namespace Replay.Replayer.Session;

/// <summary>Counts the records of a history by kind.</summary>
internal sealed class Tally(IHistory next) : ForwardingHistory(next)
{
    private readonly long[] _exits = new long[256];
    private readonly long[] _faults = new long[256];
    private readonly long[] _pages = new long[256];
    private long _nestedExits;
    private long _nestedFaults;
    private long _nestedWrites;
    private long _handedOn;
    private readonly long[] _flushes = new long[256];
    private readonly long[] _writes = new long[(int)Enum.GetValues<KvmFunction>()[^1] + 1];

    public long GuestFaults { get; private set; }

    /// <summary>Accesses that left records.</summary>
    public long Accesses { get; private set; }

    /// <summary>Pages zapped that were not the TDP MMU's.</summary>
    public long ShadowZaps { get; private set; }

    public long RmapChanges { get; private set; }

    public NestedRecords Nested => new(_nestedExits, _nestedFaults, _nestedWrites, _handedOn);

    public SortedDictionary<ExitReason, long> Exits => Counts<ExitReason>(_exits, value => (int)value);

    public SortedDictionary<RetPf, long> Faults => Counts<RetPf>(_faults, value => (int)value);

    public SortedDictionary<PageOperation, long> Pages => Counts<PageOperation>(_pages, value => (int)value);

    public SortedDictionary<FlushKind, long> Flushes => Counts<FlushKind>(_flushes, value => (int)value);

    /// <summary>Table writes by the function that made them; the CPU's under <see cref="KvmFunction.None"/>.</summary>
    public SortedDictionary<KvmFunction, long> Writes => Counts<KvmFunction>(_writes, value => (int)value);

    public override void OnExit(in VmExitRecord record)
    {
        _exits[(int)record.Reason]++;
        _nestedExits += IsNested(record.Context);
        base.OnExit(record);
    }

    public override void OnFault(in FaultRecord record)
    {
        _faults[(int)record.Outcome]++;
        _nestedFaults += IsNested(record.Context);
        base.OnFault(record);
    }

    public override void OnWrite(in TableWrite record)
    {
        _writes[(int)record.Function]++;
        _nestedWrites += IsNested(record.Context);
        base.OnWrite(record);
    }

    public override void OnTablePage(in TablePageRecord record)
    {
        _pages[(int)record.Operation]++;
        if (record.Operation == PageOperation.Zap && record.IsTdp == 0)
            ShadowZaps++;
        base.OnTablePage(record);
    }

    public override void OnFlush(in TlbFlushRecord record)
    {
        _flushes[(int)record.Kind]++;
        base.OnFlush(record);
    }

    public override void OnRmap(in RmapRecord record)
    {
        RmapChanges++;
        base.OnRmap(record);
    }

    public override void OnGuestFault(in GuestFaultRecord record)
    {
        GuestFaults++;
        base.OnGuestFault(record);
    }

    public override void OnAccess(in AccessRecord record)
    {
        Accesses++;
        base.OnAccess(record);
    }

    public override void OnGuestState(in GuestStateRecord record)
    {
        _handedOn += record.Cause == GuestStateCause.Vmexit ? 1 : 0;
        base.OnGuestState(record);
    }

    private static long IsNested(GuestContext context) => context is GuestContext.L2 or GuestContext.NestedL2 ? 1 : 0;

    private static SortedDictionary<T, long> Counts<T>(long[] counts, Func<T, int> number)
        where T : struct, Enum
    {
        var named = new SortedDictionary<T, long>();
        foreach (var value in Enum.GetValues<T>())
        {
            if (counts[number(value)] != 0)
                named[value] = counts[number(value)];
        }

        return named;
    }
}
