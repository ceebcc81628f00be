using Replay.Replayer;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>The VMM of a case: what it does before the guest runs and at each checkpoint.</summary>
internal sealed class ConformanceHost(ConformanceCase conformanceCase, ReplaySession session, ModelTrace trace)
{
    /// <summary>Any offset that is no multiple of 2 MiB keeps KVM from mapping huge pages.</summary>
    private const ulong UnalignedOffset = 0x1000;

    private readonly HostEvents _events = session.Vm.HostEvents;

    private MemslotChange Memslot => new()
    {
        Slot = 0,
        Gpa = 0,
        Size = conformanceCase.MemoryBytes,
        LogDirty = conformanceCase.DirtyLog,
        HvaOffset = HvaOffset(conformanceCase),
    };

    public static ulong HvaOffset(ConformanceCase conformanceCase) => conformanceCase.IsAligned ? 0 : UnalignedOffset;

    /// <summary>Loads the program, which brings its pages in where memory is not populated, and adds the memslot.</summary>
    /// <param name="segments">Where the program's segments go.</param>
    public void Start(IEnumerable<GuestSegment> segments)
    {
        _events.Memslot(Memslot);
        // Userspace sets the registers of all vCPUs before any runs; a recording tells of each when that begins.
        foreach (var vcpu in session.Vm.Vcpus)
            vcpu.RegistersSet();
        foreach (var segment in segments)
            _events.Populate(segment.Gpa, segment.Length);
    }

    public void AtCheckpoint(byte number)
    {
        trace.Dump(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var logsFromFirst = conformanceCase.AtCheckpoint.HasFlag(CheckpointAction.LogDirtyFromFirst);
        if (logsFromFirst)
            _events.DirtyLogOn(0);
        if (conformanceCase.DirtyLog || logsFromFirst)
            _events.DirtyLogGet(0);
        if (conformanceCase.AtCheckpoint.HasFlag(CheckpointAction.ReplaceMemslot))
        {
            _events.Memslot(Memslot with { Size = 0 });
            _events.Memslot(Memslot);
        }

        if (conformanceCase.AtCheckpoint.HasFlag(CheckpointAction.Protect))
        {
            _events.Protect(0, conformanceCase.MemoryBytes, writable: false);
            _events.Protect(0, conformanceCase.MemoryBytes, writable: true);
        }
    }
}
