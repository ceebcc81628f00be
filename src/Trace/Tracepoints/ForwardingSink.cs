namespace Replay.Trace.Tracepoints;

/// <summary>Hands events on to another, all or some.</summary>
/// <param name="sink">Takes them.</param>
public abstract class ForwardingSink(TracepointSink sink) : TracepointSink
{
    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        if (Takes(line))
            sink.OnEntry(line, fields);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        if (Takes(line))
            sink.OnExit(line, fields);
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        if (Takes(line))
            sink.OnPageFault(line, fields);
    }

    public override void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields)
    {
        if (Takes(line))
            sink.OnInjectedException(line, fields);
    }

    public override void OnControlRegister(in TraceLine line, in ControlRegisterFields fields)
    {
        if (Takes(line))
            sink.OnControlRegister(line, fields);
    }

    public override void OnMsr(in TraceLine line, in MsrFields fields)
    {
        if (Takes(line))
            sink.OnMsr(line, fields);
    }

    public override void OnMmio(in TraceLine line, in MmioFields fields)
    {
        if (Takes(line))
            sink.OnMmio(line, fields);
    }

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields)
    {
        if (Takes(line))
            sink.OnNotifierRange(line, fields);
    }

    public override void OnPage(in TraceLine line, in PageFields fields)
    {
        if (Takes(line))
            sink.OnPage(line, fields);
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        if (Takes(line))
            sink.OnSetSpte(line, fields);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        if (Takes(line))
            sink.OnSpteChanged(line, fields);
    }

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields)
    {
        if (Takes(line))
            sink.OnSpteRequested(line, fields);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        if (Takes(line))
            sink.OnMarkMmioSpte(line, fields);
    }

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields)
    {
        if (Takes(line))
            sink.OnHandleMmioPageFault(line, fields);
    }

    public override void OnCheckMmioSpte(in TraceLine line, in CheckMmioSpteFields fields)
    {
        if (Takes(line))
            sink.OnCheckMmioSpte(line, fields);
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        if (Takes(line))
            sink.OnFastPageFault(line, fields);
    }

    public override void OnSplitHugePage(in TraceLine line, in SplitHugePageFields fields)
    {
        if (Takes(line))
            sink.OnSplitHugePage(line, fields);
    }

    public override void OnGuestWalk(in TraceLine line, in GuestWalkFields fields)
    {
        if (Takes(line))
            sink.OnGuestWalk(line, fields);
    }

    public override void OnProbe(in TraceLine line, in ProbeFields fields)
    {
        if (Takes(line))
            sink.OnProbe(line, fields);
    }

    public override void OnOther(in TraceLine line)
    {
        if (Takes(line))
            sink.OnOther(line);
    }

    public override void OnUnreadable(in TraceLine line)
    {
        if (Takes(line))
            sink.OnUnreadable(line);
    }

    public override void OnLost(long ordinal, long line, int cpu, long events) => sink.OnLost(ordinal, line, cpu, events);

    /// <summary>The event is handed on. Asked once for each.</summary>
    protected abstract bool Takes(in TraceLine line);
}
