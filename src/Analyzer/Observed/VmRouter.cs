using System.Runtime.InteropServices;
using Replay.Trace.Tracepoints;

namespace Replay.Analyzer.Observed;

/// <summary>Whose events a thread's are.</summary>
/// <param name="Process">The VM's process; 0: not known.</param>
/// <param name="Threads">Threads that enter its vCPUs.</param>
public sealed record VmThreads(int Process, IReadOnlyCollection<long> Threads);

/// <summary>
/// Gives each VM of a trace its own events: those of its process and of the threads that enter its vCPUs. What other threads of the host
/// do (reclaim, compaction, workers) every VM is told of as events; a change of a table goes to the VM in whose tables the entry is.
/// </summary>
public sealed class VmRouter : TracepointSink
{
    private readonly IReadOnlyList<ObservedTraceMapper> _mappers;
    private readonly Dictionary<long, int> _owners = [];
    private readonly Dictionary<int, int> _processes = [];

    /// <param name="vms">Each VM's threads and where its events go.</param>
    public VmRouter(IReadOnlyList<(VmThreads Vm, ObservedTraceMapper Mapper)> vms)
    {
        ArgumentNullException.ThrowIfNull(vms);
        _mappers = [.. vms.Select(vm => vm.Mapper)];
        for (var i = 0; i < vms.Count; i++)
        {
            foreach (var thread in vms[i].Vm.Threads)
                _owners[thread] = i;
            if (vms[i].Vm.Process != 0)
                _processes[vms[i].Vm.Process] = i;
        }
    }

    public override void OnEntry(in TraceLine line, in EntryFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnEntry(line, fields);
    }

    public override void OnExit(in TraceLine line, in ExitFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnExit(line, fields);
    }

    public override void OnPageFault(in TraceLine line, in PageFaultFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnPageFault(line, fields);
    }

    public override void OnInjectedException(in TraceLine line, in InjectedExceptionFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnInjectedException(line, fields);
    }

    public override void OnControlRegister(in TraceLine line, in ControlRegisterFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnControlRegister(line, fields);
    }

    public override void OnMsr(in TraceLine line, in MsrFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnMsr(line, fields);
    }

    public override void OnMmio(in TraceLine line, in MmioFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnMmio(line, fields);
    }

    public override void OnNotifierRange(in TraceLine line, in NotifierRangeFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnNotifierRange(line, fields);
    }

    public override void OnPage(in TraceLine line, in PageFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnPage(line, fields);
    }

    public override void OnSetSpte(in TraceLine line, in SetSpteFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnSetSpte(line, fields);
    }

    public override void OnSpteChanged(in TraceLine line, in SpteChangedFields fields)
    {
        if (!Owns(line, out var number))
        {
            for (number = 0; number < _mappers.Count && !_mappers[number].Holds(fields); number++)
            {
            }
        }

        if (number < _mappers.Count)
            _mappers[number].OnSpteChanged(line, fields);
        else
            Tell(line);
    }

    public override void OnSpteRequested(in TraceLine line, in SpteRequestedFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnSpteRequested(line, fields);
    }

    public override void OnMarkMmioSpte(in TraceLine line, in MarkMmioSpteFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnMarkMmioSpte(line, fields);
    }

    public override void OnHandleMmioPageFault(in TraceLine line, in HandleMmioPageFaultFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnHandleMmioPageFault(line, fields);
    }

    public override void OnFastPageFault(in TraceLine line, in FastPageFaultFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnFastPageFault(line, fields);
    }

    public override void OnGuestWalk(in TraceLine line, in GuestWalkFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnGuestWalk(line, fields);
    }

    public override void OnProbe(in TraceLine line, in ProbeFields fields)
    {
        if (Owner(line) is { } owner)
            owner.OnProbe(line, fields);
    }

    public override void OnOther(in TraceLine line)
    {
        if (Owner(line) is { } owner)
            owner.OnOther(line);
    }

    public override void OnLost(long ordinal, long line, int cpu, long events)
    {
        foreach (var mapper in _mappers)
            mapper.OnLost(ordinal, line, cpu, events);
    }

    /// <summary>The VM that the line's thread works for; nobody's events are told to all, as events alone.</summary>
    private ObservedTraceMapper? Owner(in TraceLine line)
    {
        if (Owns(line, out var number))
            return _mappers[number];
        Tell(line);
        return null;
    }

    private bool Owns(in TraceLine line, out int number)
    {
        if (_owners.TryGetValue(line.Thread, out number))
            return number >= 0;
        ref var owner = ref CollectionsMarshal.GetValueRefOrAddDefault(_owners, line.Thread, out _);
        owner = line.Process != 0 && _processes.TryGetValue(line.Process, out var process) ? process : -1;
        number = owner;
        return number >= 0;
    }

    private void Tell(in TraceLine line)
    {
        foreach (var mapper in _mappers)
            mapper.OnHostEvent(line);
    }
}
