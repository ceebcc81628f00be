using Replay.Replayer;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>Replays a case's guest as its VMM ran it, and collects what the model did.</summary>
public static class ConformanceReplay
{
    /// <param name="conformanceCase">Mode, memory, backing.</param>
    /// <param name="profile">The case's host.</param>
    /// <param name="source">The guest's capture, from its entry point on. Its own memslots are not used: the case says which there was.</param>
    public static ConformanceSequences Run(ConformanceCase conformanceCase, HostProfile profile, ITraceSource source)
    {
        ArgumentNullException.ThrowIfNull(conformanceCase);
        ArgumentNullException.ThrowIfNull(source);
        var pages = conformanceCase.MemoryBytes >> 12;
        var trace = new ModelTrace(
            conformanceCase.Mode.UsesEptFormat(),
            pfn => pfn - HostMemory.FirstPfn < pages ? pfn - HostMemory.FirstPfn : null);
        var options = new ReplayOptions
        {
            Mode = conformanceCase.Mode,
            Profile = profile,
            Backing = new HostBacking { HugePages = conformanceCase.HugePages, Populated = conformanceCase.Populated },
        };
        var session = new ReplaySession(source.Manifest, options, trace);
        session.Vm.HostEvents.Memslot(new MemslotChange { Slot = 0, Gpa = 0, Size = conformanceCase.MemoryBytes, LogDirty = conformanceCase.DirtyLog });
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            chunk.Events.RemoveAll(row => row.Kind == TraceEventKind.Memslot);
            session.Process(chunk);
        }

        return trace.ToSequences();
    }
}
