using Replay.Trace.Tracepoints;

namespace Replay.Recorder.Ftrace;

/// <summary>Sees which VMs a trace shows while it is read.</summary>
/// <param name="sink">Takes the events.</param>
public sealed class VmWatch(TracepointSink sink) : ForwardingSink(sink)
{
    private readonly VmSurvey _vms = new();

    /// <summary>Those seen so far.</summary>
    public IReadOnlyList<TracedVm> Vms => _vms.Vms;

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        _vms.Enter(line, fields.Vcpu);
        base.OnEntry(line, fields);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        if (fields.Vcpu is { } vcpu)
            _vms.Enter(line, vcpu);
        base.OnExit(line, fields);
    }

    protected override bool Takes(in TraceLine line) => true;
}
