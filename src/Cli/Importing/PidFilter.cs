using Replay.Trace.Tracepoints;

namespace Replay.Cli.Importing;

/// <summary>Lets the events of some threads through.</summary>
internal sealed class PidFilter(TracepointSink sink, IReadOnlySet<int> pids) : TracepointSink
{
    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnEntry(line, fields);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnExit(line, fields);
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnPageFault(line, fields);
    }

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnNotifierRange(line, fields);
    }

    public override void OnPage(in TraceLine line, in PageFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnPage(line, fields);
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnSetSpte(line, fields);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnSpteChanged(line, fields);
    }

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnSpteRequested(line, fields);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnMarkMmioSpte(line, fields);
    }

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnHandleMmioPageFault(line, fields);
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        if (pids.Contains(line.Pid))
            sink.OnFastPageFault(line, fields);
    }

    public override void OnOther(in TraceLine line)
    {
        if (pids.Contains(line.Pid))
            sink.OnOther(line);
    }

    public override void OnLost(long ordinal, long line, int cpu, long events) => sink.OnLost(ordinal, line, cpu, events);
}
