using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>Does what a <see cref="HostScript"/> says, where it says it. What a replay cannot do is noted.</summary>
internal sealed class HostScriptReplay(HostScript script, KvmVm vm)
{
    /// <summary>How often each marker came.</summary>
    private readonly int[] _markers = new int[byte.MaxValue + 1];
    private int _next;

    /// <summary>Where the next action is due; none are left: a place behind everything.</summary>
    public long Due => _next < script.AtOrdinals.Count ? script.AtOrdinals[_next].At!.Value : long.MaxValue;

    /// <summary>Lines that were not done yet.</summary>
    public int Left => script.AtOrdinals.Count - _next + script.AtMarkers.Count(action => _markers[action.Marker!.Value] < (action.Nth ?? 1));

    /// <summary>All that is due before what has the ordinal.</summary>
    public void RunUpTo(long ordinal)
    {
        while (Due <= ordinal)
        {
            vm.Journal.Ordinal = Due;
            (vm.Journal.Vcpu, vm.Journal.Rip) = (0, 0);
            Do(script.AtOrdinals[_next++]);
        }
    }

    /// <summary>The guest made a marker.</summary>
    public void AtMarker(byte marker)
    {
        var count = ++_markers[marker];
        foreach (var action in script.AtMarkers)
        {
            if (action.Marker == marker && (action.Nth is null || action.Nth == count))
                Do(action);
        }
    }

    private void Do(HostAction action)
    {
        vm.Journal.ActsForHost = true;
        if (!TryDo(action))
            vm.Journal.Note(ModelNote.EventNotModelled, action.Gpa, (ulong)action.Line, 0);
        vm.Journal.ActsForHost = false;
    }

    /// <returns>False: there is nothing that it could be done to.</returns>
    private bool TryDo(HostAction action)
    {
        var host = vm.HostEvents;
        var (gpa, size) = (action.Gpa, action.Size);
        switch (action.Operation)
        {
            case HostOperation.Invalidate:
                host.Invalidate(gpa, size);
                return true;
            case HostOperation.Protect or HostOperation.Unprotect:
                host.Protect(gpa, size, writable: action.Operation == HostOperation.Unprotect);
                return true;
            case HostOperation.Share:
                host.ChangePte(gpa);
                return true;
            case HostOperation.Age:
                host.Age(gpa, size);
                return true;
            case HostOperation.Reclaim:
                host.Reclaim(gpa, size);
                return true;
            case HostOperation.DirtyLogOn:
                vm.ManualDirtyLog = !vm.Kernel.HasManualDirtyLog ? default : (action.ManualProtect, action.InitiallySet);
                return host.DirtyLogOn(gpa);
            case HostOperation.DirtyLogOff:
                return host.DirtyLogOff(gpa);
            case HostOperation.DirtyLogRead:
                return host.DirtyLogGet(gpa) is not null;
            case HostOperation.DirtyLogClear:
                return host.DirtyLogClear(gpa, size);
            case HostOperation.Memslot:
                return host.Memslot(action.Memslot!) == MemslotResult.Done;
            case HostOperation.NxRecovery:
                host.RecoverNxHugePages();
                return true;
            case HostOperation.Collapse:
                return host.Collapse(gpa);
            default:
                return host.Split(gpa);
        }
    }
}
