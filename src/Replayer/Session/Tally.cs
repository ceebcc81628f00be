using Replay.Replayer.History;

namespace Replay.Replayer.Session;

/// <summary>Counts the records of a history on their way.</summary>
internal sealed class Tally(IHistory next) : ForwardingHistory(next)
{
    private readonly long[] _writes = new long[(int)Enum.GetValues<KvmFunction>()[^1] + 1];
    private long _nestedExits;
    private long _nestedFaults;
    private long _nestedWrites;
    private long _handedOn;

    public RecordCounts Counts { get; } = new();

    public NestedRecords Nested => new(_nestedExits, _nestedFaults, _nestedWrites, _handedOn);

    /// <summary>Table writes by the function that made them; the CPU's under <see cref="KvmFunction.None"/>.</summary>
    public SortedDictionary<KvmFunction, long> Writes => RecordCounts.BySort<KvmFunction>(function => _writes[(int)function]);

    public override void OnExit(in VmExitRecord record)
    {
        Counts.Count(record);
        _nestedExits += IsNested(record.Context);
        base.OnExit(record);
    }

    public override void OnFault(in FaultRecord record)
    {
        Counts.Count(record);
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
        Counts.Count(record);
        base.OnTablePage(record);
    }

    public override void OnRoot(in RootRecord record)
    {
        Counts.Count(record);
        base.OnRoot(record);
    }

    public override void OnFlush(in TlbFlushRecord record)
    {
        Counts.Count(record);
        base.OnFlush(record);
    }

    public override void OnGuestFault(in GuestFaultRecord record)
    {
        Counts.Count(record);
        base.OnGuestFault(record);
    }

    public override void OnAccess(in AccessRecord record)
    {
        Counts.CountAccesses(1);
        base.OnAccess(record);
    }

    public override void OnGuestState(in GuestStateRecord record)
    {
        _handedOn += record.Cause == GuestStateCause.Vmexit ? 1 : 0;
        base.OnGuestState(record);
    }

    private static long IsNested(GuestContext context) => context is GuestContext.L2 or GuestContext.NestedL2 ? 1 : 0;
}
